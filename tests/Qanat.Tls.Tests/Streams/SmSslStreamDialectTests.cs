using Qanat.Tls.Messages;

namespace Qanat.Tls.Tests.Streams;

/// <summary>What a client's stream learns of servers that end the transport where they do not know a form.</summary>
public sealed class SmSslStreamDialectTests
{
    private const string Peer = "www.example.cn:443";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Kind", "Unit")]
    public async Task A_server_that_ends_or_resets_after_the_hello_gets_a_minimal_one_next(bool isReset)
    {
        SmPeerDialects dialects = new();
        SmSslClientAuthenticationOptions options = SmPair.ClientOptions(SmProtocol.Tlcp);
        (options.PeerDialects, options.PeerName) = (dialects, Peer);
        await using (SmPair pair = SmPair.Create())
        {
            Task client = pair.Client.AuthenticateAsClientAsync(options);
            byte[] hello = new byte[5];
            await pair.ServerTransport.ReadExactlyAsync(hello);
            if (isReset)
            {
                pair.ServerTransport.Reset();
            }
            else
            {
                pair.ServerTransport.SendFin();
            }
            await Assert.ThrowsAnyAsync<IOException>(() => client);
        }
        Assert.True(dialects.Get(Peer, isEcdhe: false).IsHelloMinimal);
        await using SmPair next = SmPair.Create();
        await next.HandshakeAsync(options, SmPair.ServerOptions());
        Assert.Null(next.Server.TargetHostName);
        Assert.True(next.Client.IsAuthenticated);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public async Task A_form_that_is_set_by_hand_is_spoken_and_nothing_is_learned()
    {
        SmPeerDialects dialects = new();
        SmSslClientAuthenticationOptions options = SmPair.ClientOptions(SmProtocol.Tlcp, SmCipherSuite.EcdheSm4GcmSm3);
        (options.PeerDialects, options.PeerName, options.ClientCredential) = (dialects, Peer, SmPair.ClientCredential);
        options.TlcpDialect = new SmTlcpDialect { ClientKeyExchange = ClientKeyExchangeDialect.WithoutLength };
        SmSslServerAuthenticationOptions server = SmPair.ServerOptions();
        server.ClientCertificateMode = SmClientCertificateMode.Require;
        await using SmPair pair = await SmPair.ConnectAsync(options, server);
        Assert.True(pair.Server.IsAuthenticated);
        Assert.Equal(0, dialects.Count);
    }
}
