namespace Qanat.Tls.Tests.Messages;

/// <summary>Every truncation and every changed byte of every message, given to every reader: a typed result, no exception, no allocation.</summary>
public sealed class MessageAbuseTests
{
    public static TheoryData<string> Names => [.. MessageSamples.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    [Trait("Kind", "Property")]
    public void Every_truncation_is_refused_by_its_own_reader(string name)
    {
        (byte[] body, ReadBody read) = MessageSamples.All[name];
        for (int length = 0; length < body.Length; length++)
        {
            // A hello without its extension block is a hello still.
            SmTlsError error = read(body.AsSpan(0, length));
            Assert.True(error != SmTlsError.None || name.Contains("hello", StringComparison.Ordinal), $"{name} cut to {length} bytes is taken");
        }
        Assert.NotEqual(SmTlsError.None, read([.. body, 0]));
    }

    [Theory]
    [MemberData(nameof(Names))]
    [Trait("Kind", "Property")]
    public void Every_changed_byte_gives_a_typed_result_in_every_reader(string name)
    {
        byte[] body = [.. MessageSamples.All[name].Body];
        ReadBody[] readers = [.. MessageSamples.All.Values.Select(sample => sample.Read)];
        for (int at = 0; at < body.Length; at++)
        {
            byte original = body[at];
            foreach (byte value in (ReadOnlySpan<byte>)[0, 1, 2, 0x7F, 0x80, 0xFF, (byte)(original + 1), (byte)(original - 1), (byte)(original ^ 0x20)])
            {
                body[at] = value;
                foreach (ReadBody read in readers)
                {
                    Assert.True(Enum.IsDefined(read(body)));
                }
            }
            body[at] = original;
        }
    }

    [Fact]
    [Trait("Kind", "Bench")]
    public void Readers_allocate_nothing()
    {
        (byte[] Body, ReadBody Read)[] samples = [.. MessageSamples.All.Values];
        Assert.Equal(0, Allocations.Of(() =>
        {
            foreach ((byte[] body, ReadBody read) in samples)
            {
                read(body);
            }
        }));
    }
}
