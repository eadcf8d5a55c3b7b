namespace Qanat.Gm;

/// <summary>Checks and messages that the SM2 types share.</summary>
internal static class Sm2Arguments
{
    public const string InvalidPoint = "The SM2 point is not valid: it must be 65 bytes, begin with 0x04, have coordinates below p and lie on sm2p256v1. Decompress compressed points first.";

    public const string InvalidPrivateKey = "The SM2 private key is not valid: it must be 32 bytes, big-endian, from 1 to n - 2.";

    public const string NoPrivateKey = "This SM2 key is a public key; the operation needs the private key.";

    public static void RequireLength(ReadOnlySpan<byte> value, int length, string name)
    {
        if (value.Length != length) throw new ArgumentException($"{name} must be {length} bytes, not {value.Length}.", name);
    }
}
