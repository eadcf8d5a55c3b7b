namespace Qanat.Gm.Tests.Keys;

/// <summary>Changes a structure a little, the same way for the same seed: flips, replacements, cuts, doublings, other lengths.</summary>
internal static class DerMutation
{
    public static byte[] Next(Random random, byte[] der)
    {
        List<byte> bytes = [.. der];
        for (int changes = random.Next(1, 4); changes > 0; changes--)
        {
            int at = random.Next(bytes.Count);
            int length = Math.Min(random.Next(1, 9), bytes.Count - at);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2 when bytes.Count > length:
                    bytes.RemoveRange(at, length);
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(at, length));
                    break;
                case 4:
                    bytes.Insert(at, (byte)random.Next(256));
                    break;
                default:
                    bytes[at] = (byte)(bytes[at] + (random.Next(2) == 0 ? 1 : -1));
                    break;
            }
        }
        return [.. bytes];
    }
}
