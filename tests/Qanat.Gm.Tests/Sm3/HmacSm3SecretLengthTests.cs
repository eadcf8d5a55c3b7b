namespace Qanat.Gm.Tests;

public sealed class HmacSm3SecretLengthTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(13)]
    [InlineData(63)]
    public void Every_length_between_the_bounds_gives_the_mac_of_that_length(int prefixLength)
    {
        byte[] key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)], buffer = new byte[700];
        new Random(5).NextBytes(buffer);
        byte[] mac = new byte[32];
        HmacSm3Pads pads = HmacSm3Pads.Create(key);
        for (int max = 0; max < 600; max += max < 140 ? 1 : 37)
        {
            int min = Math.Max(0, max - 255);
            for (int length = min; length <= max; length++)
            {
                ReadOnlySpan<byte> prefix = buffer.AsSpan(0, prefixLength), data = buffer.AsSpan(prefixLength, max);
                HmacSm3SecretLength.Compute(pads, prefix, data, min, length, mac);
                Assert.Equal(HmacSm3.HashData(key, buffer.AsSpan(0, prefixLength + length)), mac);
            }
        }
    }

    [Theory]
    [InlineData(int.MinValue, 0, true)]
    [InlineData(-1, 0, true)]
    [InlineData(0, 0, false)]
    [InlineData(1, 1, false)]
    [InlineData(int.MaxValue, int.MaxValue, false)]
    public void Masks_are_all_or_nothing(int value, int other, bool negative)
    {
        Assert.Equal(negative ? -1 : 0, ConstantTime.MaskIfNegative(value));
        Assert.Equal(value == other ? -1 : 0, ConstantTime.MaskIfEqual(value, other));
    }
}
