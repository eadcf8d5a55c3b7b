using Qanat.Tls.Messages;
using Qanat.Tls.Records;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>A server that does not take the compatibility mode, more groups than one, or tickets: the client learns it by what fails, and keeps what works.</summary>
public sealed class Tls13DialectTests
{
    [Fact]
    public void Plain_hello_is_tried_after_a_server_gave_up_and_kept_when_it_works()
    {
        Tls13Setup setup = new();
        using (EnginePair refused = Connect(setup, out bool firstIsPlain))
        {
            Assert.Equal(SmTlsError.PeerAlert, refused.Client.Error);
            Assert.False(firstIsPlain);
        }
        for (int i = 0; i < 3; i++)
        {
            using EnginePair taken = Connect(setup, out bool isPlain);
            Assert.True(isPlain && taken.Client.Engine.IsHandshakeComplete);
            Assert.Equal([1], taken.Send(fromClient: false, [1]));
        }
        // A failure between successes teaches nothing; several in a row do.
        for (int i = 0; i < 3; i++)
        {
            using EnginePair cut = setup.NewPair((_, _) => []).Handshake();
            cut.Client.Engine.Fail(SmTlsError.Truncated, "cut");
            using EnginePair taken = Connect(setup, out bool isPlain);
            Assert.True(isPlain);
            Assert.Equal([1], taken.Send(fromClient: false, [1]));
        }
        for (int i = 0; i < 3; i++)
        {
            using EnginePair cut = setup.NewPair((_, _) => []).Handshake();
            cut.Client.Engine.Fail(SmTlsError.Truncated, "cut");
        }
        using EnginePair again = Connect(setup, out bool standard);
        Assert.False(standard);
    }

    [Fact]
    public void Server_that_gives_up_on_the_clients_flight_is_spoken_to_plainly_next_time()
    {
        // GmSSL's server with client certificates stumbles over the ChangeCipherSpec in front of them, when the client is done already.
        Tls13Setup setup = new();
        setup.ServerOptions.ClientCertificateMode = SmClientCertificateMode.Require;
        setup.ClientOptions.ClientCredential = Tls13Setup.ClientCredential;
        bool wasPlain = false;
        for (int i = 0; i < 2; i++)
        {
            bool isPlain = true;
            using EnginePair pair = setup.NewPair((fromClient, record) =>
            {
                bool isChange = fromClient && record[0] == (byte)RecordType.ChangeCipherSpec;
                isPlain &= !isChange;
                return isChange ? [[20, 3, 3, 0, 1, 2]] : [record];
            }).Handshake();
            Assert.True(pair.Client.Engine.IsHandshakeComplete);
            Assert.Equal(i == 1, pair.Server.Engine.IsHandshakeComplete);
            wasPlain = isPlain;
        }
        Assert.True(wasPlain);
    }

    [Fact]
    public void Plain_hello_of_a_client_that_prefers_the_hybrid_group_can_still_be_asked_for_the_other()
    {
        // GmSSL's server takes no ChangeCipherSpec in front of a second hello either, and knows curveSM2 alone.
        Tls13Setup setup = new();
        setup.ClientOptions.Groups = [NamedGroup.CurveSm2MlKem768, NamedGroup.CurveSm2];
        setup.ServerOptions.Groups = [NamedGroup.CurveSm2];
        setup.ClientOptions.PeerDialects!.Tls13Failed(setup.ClientOptions.TargetHost!);
        int changes = 0;
        using EnginePair pair = setup.NewPair((fromClient, record) =>
        {
            changes += fromClient && record[0] == (byte)RecordType.ChangeCipherSpec ? 1 : 0;
            return [record];
        }).Handshake();
        Assert.True(pair.Client.Engine.IsHandshakeComplete && pair.Server.Engine.IsHandshakeComplete);
        Assert.Equal((NamedGroup.CurveSm2, 0), (pair.Client.Engine.Group, changes));
    }

    [Fact]
    public void What_the_client_itself_refuses_teaches_nothing()
    {
        Tls13Setup setup = new();
        setup.ClientOptions.TargetHost = "other.example.cn";
        setup.NewPair().Handshake().Dispose();
        Assert.Equal(0, setup.ClientOptions.PeerDialects!.Count);
        setup.ClientOptions.TargetHost = Certificates.TestPki.Host;
        setup.ServerOptions.ClientCertificateMode = SmClientCertificateMode.Require;
        // Nor does a server that says what it misses.
        setup.NewPair().Handshake().Dispose();
        Assert.Equal(0, setup.ClientOptions.PeerDialects!.Count);
    }

    // A server that takes a hello only without session id, with one group and without psk_key_exchange_modes.
    private static EnginePair Connect(Tls13Setup setup, out bool isPlain)
    {
        bool plain = false;
        EnginePair pair = setup.NewPair((fromClient, record) =>
        {
            if (fromClient && record[0] == (byte)RecordType.Handshake && record[5] == (byte)HandshakeType.ClientHello)
            {
                ClientHello.Read(record.AsSpan(9), out ClientHello hello);
                plain = hello.SessionId.IsEmpty && hello.SupportedGroups.Count == 1 && hello.PskKeyExchangeModes.IsEmpty;
                // A session id of 33 bytes: the server says decode_error and no more.
                return plain ? [record] : [[.. record[..43], 33, .. record[44..]]];
            }
            return [record];
        }).Handshake();
        isPlain = plain;
        return pair;
    }
}
