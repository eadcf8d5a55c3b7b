using Qanat.Tls.Engine.Tls13;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>Early data is never taken; that of a client who comes with another server's ticket is passed over, within a bound (RFC 8446 section 4.2.10).</summary>
public sealed class EarlyDataTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 100)]
    [InlineData(3, 16401)]
    [InlineData(50, 1000)]
    public void Early_data_is_passed_over(int records, int length)
    {
        using HandClient client = new();
        using Tls13ServerEngine server = new Tls13Setup().NewServer();
        EngineEnd end = new(server);
        end.Feed(client.Hello(offersEarlyData: true, NamedGroup.CurveSm2));
        for (int i = 0; i < records; i++)
        {
            end.Feed(HandClient.EarlyData(length));
        }
        Assert.Null(server.Failure);
        end.Feed(client.Finish(end.Drain()));
        Assert.Null(server.Failure);
        Assert.True(server.IsHandshakeComplete);
        Assert.Empty(end.ApplicationData);
    }

    [Fact]
    public void Early_data_before_a_second_hello_is_passed_over()
    {
        using HandClient client = new();
        using Tls13ServerEngine server = new Tls13Setup().NewServer();
        EngineEnd end = new(server);
        end.Feed(client.Hello(offersEarlyData: true, NamedGroup.Secp256R1));
        end.Feed(HandClient.EarlyData(1000));
        client.TakeRetry(end.Drain());
        end.Feed(HandClient.EarlyData(1000));
        end.Feed(client.Hello(offersEarlyData: false, NamedGroup.CurveSm2));
        end.Feed(client.Finish(end.Drain()));
        Assert.Null(server.Failure);
        Assert.True(server.IsHandshakeComplete);
    }

    [Theory]
    [InlineData(NamedGroup.CurveSm2, SmTlsError.BadRecordMac)]
    [InlineData(NamedGroup.Secp256R1, SmTlsError.UnexpectedMessage)]
    public void Early_data_beyond_the_bound_is_refused(NamedGroup shareOf, SmTlsError expected)
    {
        using HandClient client = new();
        using Tls13ServerEngine server = new Tls13Setup().NewServer();
        EngineEnd end = new(server);
        end.Feed(client.Hello(offersEarlyData: true, shareOf));
        int fed = 0;
        for (; server.Failure is null; fed += 1024)
        {
            end.Feed(HandClient.EarlyData(1024));
        }
        Assert.Equal(expected, end.Error);
        Assert.Equal(Tls13ServerEngine.MaxSkippedEarlyData + 1024, fed);
    }

    [Theory]
    [InlineData(NamedGroup.CurveSm2, SmTlsError.BadRecordMac)]
    [InlineData(NamedGroup.Secp256R1, SmTlsError.UnexpectedMessage)]
    public void Early_data_that_was_not_offered_is_refused(NamedGroup shareOf, SmTlsError expected)
    {
        using HandClient client = new();
        using Tls13ServerEngine server = new Tls13Setup().NewServer();
        EngineEnd end = new(server);
        end.Feed(client.Hello(offersEarlyData: false, shareOf));
        end.Feed(HandClient.EarlyData(100));
        Assert.Equal(expected, end.Error);
    }

    [Fact]
    public void Early_data_after_the_second_hello_is_refused()
    {
        using HandClient client = new();
        using Tls13ServerEngine server = new Tls13Setup().NewServer();
        EngineEnd end = new(server);
        end.Feed(client.Hello(offersEarlyData: true, NamedGroup.Secp256R1));
        client.TakeRetry(end.Drain());
        end.Feed(client.Hello(offersEarlyData: false, NamedGroup.CurveSm2));
        end.Feed(HandClient.EarlyData(100));
        Assert.Equal(SmTlsError.BadRecordMac, end.Error);
    }
}
