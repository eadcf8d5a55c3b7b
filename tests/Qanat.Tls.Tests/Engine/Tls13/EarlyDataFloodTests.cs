using Qanat.Tls.Engine.Tls13;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>Early data that is passed over costs a failed decryption for each record; the bound is on those too, not on bytes alone.</summary>
public sealed class EarlyDataFloodTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(17)]
    [Trait("Kind", "Unit")]
    public void Tiny_records_of_early_data_end_soon(int length)
    {
        using TicketThief client = new() { OffersEarlyData = true };
        using Tls13ServerEngine server = new Tls13Setup().NewServer();
        EngineEnd end = new(server);
        end.Feed(client.Hello());
        int records = 0;
        for (; server.Failure is null && records < 10_000; records++)
        {
            end.Feed([(byte)RecordType.ApplicationData, 3, 3, 0, (byte)length, .. new byte[length]]);
        }
        Assert.Equal(SmTlsError.BadRecordMac, end.Error);
        Assert.InRange(records, 2, 200);
    }
}
