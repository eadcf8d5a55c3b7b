using Qanat.Tls.Engine;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using Qanat.Tls.Sessions;
using Qanat.Tls.Tests.Certificates;

namespace Qanat.Tls.Tests.Engine;

/// <summary>Resumption: when a session may be resumed and when not, and that its secret is kept no longer than it may be.</summary>
public sealed class TlcpSessionTests : IDisposable
{
    private readonly SmTlcpSessionCache _clientSessions = new();
    private readonly SmTlcpSessionCache _serverSessions = new(lifetime: TimeSpan.FromMinutes(10));
    private readonly StoppedClock _clock = new(TestPki.Now);

    public void Dispose()
    {
        _clientSessions.Dispose();
        _serverSessions.Dispose();
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void A_resumed_connection_has_fresh_keys_fewer_messages_and_no_signatures()
    {
        List<string> keys = [];
        Assert.False(Connect(client => client.KeyLog = keys.Add).IsResumed);
        using EnginePump resumed = Pump(client => client.KeyLog = keys.Add).RunToCompletion();
        Assert.True(resumed.Client.IsResumed);
        // One master secret, two randoms.
        Assert.Equal(keys[0].Split(' ')[2], keys[1].Split(' ')[2]);
        Assert.NotEqual(keys[0].Split(' ')[1], keys[1].Split(' ')[1]);
        Assert.Equal([22, 22, 20, 22, 20, 22], resumed.Log.Select(r => (int)r.Record[0]));
        Assert.Equal(TlcpWorld.Pki.Sign, resumed.Client.PeerChain!.SignCertificate);
        byte[] a = new byte[16], b = new byte[16];
        resumed.Client.ExportKeyingMaterial("x"u8, default, false, a);
        resumed.Server.ExportKeyingMaterial("x"u8, default, false, b);
        Assert.Equal(a, b);
    }

    /// <summary>Changes after which a session must not be resumed.</summary>
    public static TheoryData<string> Changes =>
    [
        "another host", "another trust", "another policy", "a callback", "another credential of the client", "another peer name", "the server's trust", "the server's callback", "the server's mode",
        "the server's credential", "expired", "resumption off at the client", "resumption off at the server", "the server's cache is empty", "the suite is off at the server", "the suite is off at the client",
        "the server's certificate expired meanwhile",
    ];

    [Theory]
    [MemberData(nameof(Changes))]
    [Trait("Kind", "Unit")]
    public void A_session_is_not_resumed_when_anything_that_decided_it_is_another(string change)
    {
        using SmSslCredential otherServer = new([TlcpWorld.Pki.Sign, TlcpWorld.Pki.Ca.Certificate], Key(TlcpWorld.ServerCredential.SignKey), TlcpWorld.Pki.Encrypt, Key(TlcpWorld.Pki.EncryptKey));
        Assert.False(Connect().IsResumed);
        Assert.True(Connect().IsResumed);
        switch (change)
        {
            case "expired":
                _clock.Now += TimeSpan.FromMinutes(10);
                break;
            case "the server's certificate expired meanwhile":
                // A client with a longer memory than its server, which is in step with the clock.
                _clock.Now += TimeSpan.FromDays(91);
                break;
            case "the server's cache is empty":
                _serverSessions.Clear();
                break;
        }
        bool isOver = change == "the server's certificate expired meanwhile";
        using EnginePump pump = Pump(client =>
        {
            switch (change)
            {
                case "another host": (client.TargetHost, client.PeerName) = ("WWW.EXAMPLE.CN", "peer"); break;
                case "another trust": client.Trust = TlcpWorld.Pki.Trust; break;
                case "another policy": client.ChainOptions = new() { ClockSkew = TimeSpan.FromDays(1) }; break;
                case "a callback": client.RemoteCertificateValidationCallback = chain => chain.IsValid; break;
                case "another credential of the client": client.ClientCredential = null; break;
                case "another peer name": client.PeerName = "other"; break;
                case "resumption off at the client": client.AllowResumption = false; break;
                case "the suite is off at the client": client.CipherSuites = [SmCipherSuite.EccSm4CbcSm3]; break;
            }
        }, server =>
        {
            switch (change)
            {
                case "the server's trust": server.Trust = TlcpWorld.Pki.Trust; break;
                case "the server's callback": server.RemoteCertificateValidationCallback = chain => chain.IsValid; break;
                case "the server's mode": server.ClientCertificateMode = SmClientCertificateMode.Require; break;
                case "the server's credential": server.Credential = otherServer; break;
                case "resumption off at the server": server.AllowResumption = false; break;
                case "the suite is off at the server": server.CipherSuites = [SmCipherSuite.EccSm4CbcSm3]; break;
            }
        }).Run();
        Assert.Equal(!isOver, pump.Client.IsHandshakeComplete && pump.Server.IsHandshakeComplete);
        Assert.False(pump.Client.IsResumed || pump.Server.IsResumed);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void A_lenient_listener_does_not_lend_its_sessions_to_a_strict_one_with_the_same_cache()
    {
        // The client's session of a listener that asks for nothing, offered to one that requires a certificate.
        Assert.False(Connect(server: server => server.ClientCertificateMode = SmClientCertificateMode.None).IsResumed);
        using EnginePump pump = Pump(client => client.ClientCredential = null, server => server.ClientCertificateMode = SmClientCertificateMode.Require);
        pump.Run();
        Assert.False(pump.Server.IsHandshakeComplete);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void A_connection_that_fails_takes_its_session_with_it_and_one_that_is_cut_does_not()
    {
        Connect();
        using (EnginePump cut = Pump().RunToCompletion())
        {
            Assert.True(cut.Client.IsResumed);
            cut.Client.Fail(SmTlsError.Truncated, "cut");
            cut.Server.Fail(SmTlsError.Truncated, "cut");
        }
        using (EnginePump broken = Pump().RunToCompletion())
        {
            Assert.True(broken.Client.IsResumed);
            Assert.Equal(SmTlsError.BadRecordMac, broken.Inject(toServer: true, TlcpForger.Plain(RecordType.ApplicationData, new byte[60])));
            broken.Continue();
            Assert.Equal(SmTlsError.PeerAlert, broken.Client.Failure!.Error);
        }
        Assert.Equal(0, _clientSessions.Count);
        Assert.Equal(0, _serverSessions.Count);
        Assert.False(Connect().IsResumed);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void A_resumption_that_is_spoilt_fails_and_the_next_connection_is_a_full_one()
    {
        for (int at = 0; at < 3; at++)
        {
            Connect();
            using EnginePump pump = Pump();
            int sent = 0;
            pump.OnWire = (fromServer, record) =>
            {
                if (fromServer && sent++ == at)
                {
                    record[^1] ^= 1;
                }
                return record;
            };
            pump.Run();
            Assert.False(pump.Client.IsHandshakeComplete || pump.Server.IsHandshakeComplete);
            Assert.False(Connect().IsResumed);
        }
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void A_server_that_changes_the_suite_of_a_session_is_refused()
    {
        Connect();
        using EnginePump pump = Pump(client => client.CipherSuites = [SmCipherSuite.EccSm4GcmSm3, SmCipherSuite.EccSm4CbcSm3]);
        pump.OnWire = (fromServer, record) =>
        {
            if (fromServer && record[0] == 22 && record[RecordHeader.Size] == (byte)HandshakeType.ServerHello)
            {
                record[RecordHeader.Size + 4 + 2 + 32 + 1 + 32 + 1] = 0x13;
            }
            return record;
        };
        pump.Run();
        Assert.Equal(SmTlsError.IllegalParameter, pump.Client.Failure!.Error);
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void Without_a_cache_a_server_gives_no_session_id_and_a_client_offers_none()
    {
        using EnginePump pump = Pump(client => client.TlcpSessions = null, server => server.TlcpSessions = null).RunToCompletion();
        Assert.Equal(0, pump.Log[0].Record[RecordHeader.Size + 4 + 2 + 32]);
        Assert.Equal(0, pump.Log[1].Record[RecordHeader.Size + 4 + 2 + 32]);
        // A server with one gives ids that never repeat.
        HashSet<string> ids = [];
        for (int i = 0; i < 20; i++)
        {
            using EnginePump full = Pump(client => client.TlcpSessions = null).RunToCompletion();
            Assert.True(ids.Add(Convert.ToHexString(full.Log[1].Record.AsSpan(RecordHeader.Size + 4 + 2 + 32, 33))));
        }
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public void The_cache_is_bounded_and_expires_and_zeroes_what_goes()
    {
        SmTlcpSessionCache cache = new(capacity: 3);
        TlcpSessionScope scope = new(true, null, null, null, null, null, default);
        TlcpSession[] sessions = [.. Enumerable.Range(0, 4).Select(i =>
            new TlcpSession([(byte)i], SmCipherSuite.EccSm4GcmSm3, Enumerable.Repeat((byte)(i + 1), 48).ToArray()) { Expires = TestPki.Now.AddMinutes(i + 1) })];
        for (int i = 0; i < 4; i++)
        {
            cache.Add(new($"{i}", scope), sessions[i]);
        }
        Assert.Equal(3, cache.Count);
        Assert.All(sessions[0].MasterSecret.ToArray(), b => Assert.Equal(0, b));
        Assert.Null(cache.Find(new("0", scope), TestPki.Now));
        Assert.Null(cache.Find(new("1", scope with { IsServer = false }), TestPki.Now));
        using (TlcpSession found = cache.Find(new("1", scope), TestPki.Now)!)
        {
            Assert.Equal(2, found.MasterSecret[47]);
            // Expired at its very moment, and gone then; the copy stays until its owner is done.
            Assert.Null(cache.Find(new("1", scope), TestPki.Now.AddMinutes(2)));
            Assert.Equal(0, sessions[1].MasterSecret[47]);
            Assert.Equal(2, found.MasterSecret[47]);
        }
        Assert.Equal(2, cache.Count);
        cache.Remove(new("2", scope));
        Assert.Equal(0, sessions[2].MasterSecret[0]);
        cache.Dispose();
        Assert.Equal(0, sessions[3].MasterSecret[0]);
        TlcpSession late = new([9], SmCipherSuite.EccSm4GcmSm3, Enumerable.Repeat((byte)7, 48).ToArray()) { Expires = TestPki.Now.AddMinutes(1) };
        cache.Add(new("9", scope), late);
        Assert.Equal(0, cache.Count);
        Assert.Equal(0, late.MasterSecret[0]);
        Assert.Throws<ArgumentOutOfRangeException>(() => new SmTlcpSessionCache(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SmTlcpSessionCache(1, TimeSpan.Zero));
    }

    [Fact]
    [Trait("Kind", "Unit")]
    public async Task Many_threads_may_use_one_cache()
    {
        using SmTlcpSessionCache cache = new(capacity: 8);
        TlcpSessionScope scope = new(true, null, null, null, null, null, default);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(() =>
        {
            for (int i = 0; i < 5_000; i++)
            {
                byte value = (byte)(1 + ((i + thread) % 20));
                cache.Add(new($"{value}", scope), new TlcpSession([value], SmCipherSuite.EccSm4GcmSm3, Enumerable.Repeat(value, 48).ToArray()) { Expires = TestPki.Now.AddMinutes(1) });
                byte other = (byte)(1 + ((i * 3) % 20));
                using TlcpSession? found = cache.Find(new($"{other}", scope), TestPki.Now);
                // Whole or not at all: no copy of a secret that is being zeroed.
                Assert.True(found is null || !found.MasterSecret.ContainsAnyExcept(other));
                if (i % 7 == 0)
                {
                    cache.Remove(new($"{other}", scope));
                }
            }
        })));
        Assert.True(cache.Count <= 8);
    }

    private static Gm.Sm2 Key(Gm.Sm2 key)
    {
        byte[] d = new byte[32];
        key.ExportPrivateKey(d);
        return Gm.Sm2.Create(d);
    }

    private EnginePump Pump(Action<SmSslClientAuthenticationOptions>? client = null, Action<SmSslServerAuthenticationOptions>? server = null)
    {
        SmSslClientAuthenticationOptions clientOptions = TlcpWorld.ClientOptions();
        (clientOptions.TlcpSessions, clientOptions.TimeProvider, clientOptions.ClientCredential, clientOptions.PeerName) = (_clientSessions, _clock, TlcpWorld.ClientCredential, "peer");
        SmSslServerAuthenticationOptions serverOptions = TlcpWorld.ServerOptions(SmClientCertificateMode.Request);
        (serverOptions.TlcpSessions, serverOptions.TimeProvider) = (_serverSessions, _clock);
        client?.Invoke(clientOptions);
        server?.Invoke(serverOptions);
        return TlcpWorld.Pump(clientOptions, serverOptions);
    }

    private TlsEngine Connect(Action<SmSslClientAuthenticationOptions>? client = null, Action<SmSslServerAuthenticationOptions>? server = null)
    {
        using EnginePump pump = Pump(client, server).RunToCompletion();
        Assert.Equal(pump.Client.IsResumed, pump.Server.IsResumed);
        return pump.Client;
    }
}
