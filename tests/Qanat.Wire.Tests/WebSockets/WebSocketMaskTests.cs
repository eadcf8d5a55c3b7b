using CsCheck;
using Qanat.Wire.WebSockets;

namespace Qanat.Wire.Tests.WebSockets;

public sealed class WebSocketMaskTests
{
    [Fact]
    public void Vector_paths_equal_the_scalar_reference_for_every_length_offset_and_phase()
    {
        byte[] data = [.. Enumerable.Range(0, 400).Select(i => (byte)(i * 37))];
        const uint Key = 0xA1B2C3D4;
        for (int length = 0; length <= 300; length++)
        {
            for (int offset = 0; offset < 5; offset++)
            {
                for (int phase = 0; phase < 5; phase++)
                {
                    byte[] expected = [.. data];
                    WebSocketMask.ApplyScalar(expected.AsSpan(offset, length), Key, phase);
                    byte[] inPlace = [.. data];
                    WebSocketMask.Apply(inPlace.AsSpan(offset, length), Key, phase);
                    Assert.Equal(expected, inPlace);
                    byte[] copy = [.. data];
                    WebSocketMask.Copy(data.AsSpan(offset, length), copy.AsSpan(offset), Key, phase);
                    Assert.Equal(expected, copy);
                }
            }
        }
    }

    [Fact]
    public void Masking_in_pieces_equals_masking_at_once() =>
        Gen.Select(Gen.Byte.Array[0, 500], Gen.UInt, Gen.Int[0, 500]).Sample((data, key, cut) =>
        {
            cut = Math.Min(cut, data.Length);
            byte[] whole = [.. data];
            WebSocketMask.Apply(whole, key);
            byte[] pieces = [.. data];
            WebSocketMask.Apply(pieces.AsSpan(0, cut), key);
            WebSocketMask.Apply(pieces.AsSpan(cut), key, cut);
            return whole.AsSpan().SequenceEqual(pieces);
        });

    [Fact]
    public void Published_example_is_reproduced()
    {
        // RFC 6455 section 5.7: a masked "Hello" with key 37 fa 21 3d.
        byte[] frame = Convert.FromHexString("818537fa213d7f9f4d5158");
        byte[] payload = frame[6..];
        WebSocketMask.Apply(payload, BitConverter.ToUInt32(frame, 2));
        Assert.Equal("Hello"u8, payload);
    }

    [Fact]
    public void Copy_to_a_shorter_destination_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => WebSocketMask.Copy(new byte[4], new byte[3], 1));
}
