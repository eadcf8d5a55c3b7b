using CsCheck;

namespace Qanat.Gm.Tests;

public sealed class Sm3HashTests
{
    private static readonly Gen<byte[][]> s_pieces = Gen.Byte.Array[0, 150].Array[0, 12];

    [Fact]
    [Trait("Kind", "Property")]
    public void Pieces_hash_as_the_whole() =>
        s_pieces.Sample(pieces =>
        {
            using Sm3Hash hash = new();
            Array.ForEach(pieces, piece => hash.AppendData(piece));
            Assert.Equal(Sm3.HashData(Join(pieces)), Finish(hash));
        });

    [Fact]
    [Trait("Kind", "Property")]
    public void The_current_hash_at_every_piece_is_that_of_the_prefix_and_disturbs_nothing() =>
        s_pieces.Sample(pieces =>
        {
            using Sm3Hash hash = new();
            byte[] current = new byte[32];
            for (int i = 0; i < pieces.Length; i++)
            {
                hash.AppendData(pieces[i]);
                hash.GetCurrentHash(current);
                Assert.Equal(Sm3.HashData(Join(pieces[..(i + 1)])), current);
            }
        });

    [Fact]
    [Trait("Kind", "Property")]
    public void A_duplicate_goes_its_own_way() =>
        Gen.Select(Gen.Byte.Array[0, 200], Gen.Byte.Array[0, 200], Gen.Byte.Array[0, 200]).Sample((start, one, two) =>
        {
            using Sm3Hash first = new();
            first.AppendData(start);
            using Sm3Hash second = first.Duplicate();
            first.AppendData(one);
            second.AppendData(two);
            Assert.Equal(Sm3.HashData(Join(start, one)), Finish(first));
            Assert.Equal(Sm3.HashData(Join(start, two)), Finish(second));
        });

    [Fact]
    public void Reset_starts_a_new_message_and_too_short_a_destination_keeps_the_old()
    {
        using Sm3Hash hash = new();
        hash.AppendData("abc"u8);
        Assert.Equal("destination", Assert.Throws<ArgumentOutOfRangeException>(() => hash.GetHashAndReset(new byte[31])).ParamName);
        Assert.Equal("destination", Assert.Throws<ArgumentOutOfRangeException>(() => hash.GetCurrentHash(new byte[31])).ParamName);
        Assert.Equal(Sm3.HashData("abc"u8), Finish(hash));
        hash.AppendData("abcd"u8);
        Assert.Equal(Sm3.HashData("abcd"u8), Finish(hash));
    }

    [Fact]
    public void After_dispose_nothing_works()
    {
        Sm3Hash hash = new();
        hash.Dispose();
        hash.Dispose();
        Assert.Throws<ObjectDisposedException>(() => hash.AppendData("a"u8));
        Assert.Throws<ObjectDisposedException>(() => hash.GetCurrentHash(new byte[32]));
        Assert.Throws<ObjectDisposedException>(() => hash.GetHashAndReset(new byte[32]));
        Assert.Throws<ObjectDisposedException>(hash.Duplicate);
    }

    [Fact]
    public unsafe void Finish_and_clear_leave_zeros()
    {
        Sm3State state = Sm3State.Create();
        state.Append(new byte[] { 1, 2, 3 });
        state.Finish(new byte[32]);
        Assert.All(new Span<byte>(&state, sizeof(Sm3State)).ToArray(), value => Assert.Equal(0, value));
        state = Sm3State.Create();
        state.Clear();
        Assert.All(new Span<byte>(&state, sizeof(Sm3State)).ToArray(), value => Assert.Equal(0, value));
    }

    private static byte[] Join(params byte[][] pieces) => [.. pieces.SelectMany(piece => piece)];

    private static byte[] Finish(Sm3Hash hash)
    {
        byte[] result = new byte[32];
        hash.GetHashAndReset(result);
        return result;
    }
}
