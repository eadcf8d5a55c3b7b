using Qanat.Gm;
using Qanat.Tls;
using Qanat.Tls.Certificates;
using Qanat.Tls.Engine;
using Qanat.Tls.Records;
using static Qanat.Fuzz.FuzzFinding;

namespace Qanat.Fuzz.Targets;

/// <summary>A TLCP server and a TLCP client that get a stranger's bytes for the whole of a connection. Their own random is always the same, so that a flight recorded once leads deep into them.</summary>
internal static class TlcpEngineTargets
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
    private static readonly Sm2 s_rootKey = Sm2.Create();
    private static readonly SmCertificateAuthority s_root =
        SmCertificateAuthority.CreateRoot(SmName.Create("Root", "Fuzz"), s_rootKey, SmCertificateProfile.Authority(s_now.AddYears(-1), s_now.AddYears(9), null));
    private static readonly SmTrustStore s_trust = new([s_root.Certificate]);
    private static readonly SmSslCredential s_server = Credential("server"), s_client = Credential("client");
    private static readonly SmCipherSuite[] s_suites = [SmCipherSuite.EccSm4GcmSm3, SmCipherSuite.EccSm4CbcSm3, SmCipherSuite.EcdheSm4GcmSm3, SmCipherSuite.EcdheSm4CbcSm3];

    internal static FuzzTarget[] All { get; } =
    [
        new("tlcp-server", [.. s_suites.Select(suite => Flight(suite, ofServer: false))], input => Run(Server(SmCipherSuite.None), input)),
        new("tlcp-client", [.. s_suites.Select(suite => Flight(suite, ofServer: true))], input => Run(Client(SmCipherSuite.None), input)),
    ];

    /// <summary>Whatever comes, there is a typed error or a wait for more, no connection without the keys, and a bounded answer.</summary>
    private static void Run(TlsEngine engine, ReadOnlySpan<byte> input)
    {
        using (engine)
        {
            engine.Start();
            int sent = 0;
            while (RecordHeader.TryRead(input, engine.MaxFragmentLength, out RecordHeader header, out _) == TlsReadStatus.Complete && input.Length >= RecordHeader.Size + header.Length)
            {
                byte[] fragment = input.Slice(RecordHeader.Size, header.Length).ToArray();
                input = input[(RecordHeader.Size + header.Length)..];
                bool wasOver = engine.Failure is not null;
                SmTlsError error = engine.Receive(header, fragment, out Span<byte> data);
                Require(error != SmTlsError.InternalError, engine.Failure?.ToString() ?? "");
                Require(error == (engine.Failure?.Error ?? SmTlsError.None), "an error is the failure");
                Require(!wasOver || engine.Failure is not null, "a failure stays");
                Require(data.IsEmpty && !engine.IsHandshakeComplete, "nobody is connected without the keys");
                for (ReadOnlyMemory<byte> output = engine.Output; !output.IsEmpty; output = engine.Output)
                {
                    sent += output.Length;
                    engine.ConsumeOutput(output.Length);
                }
                Require(sent < 16384, "an answer is bounded");
            }
        }
    }

    private static byte[] Flight(SmCipherSuite suite, bool ofServer)
    {
        using TlsEngine client = Client(suite), server = Server(suite);
        List<byte> flight = [];
        client.Start();
        for (bool any = true; any;)
        {
            any = false;
            foreach ((TlsEngine from, TlsEngine to) in new[] { (client, server), (server, client) })
            {
                byte[] bytes = from.Output.ToArray();
                from.ConsumeOutput(bytes.Length);
                any |= bytes.Length > 0;
                flight.AddRange(from.IsServer == ofServer ? bytes : []);
                for (Span<byte> rest = bytes; !rest.IsEmpty;)
                {
                    RecordHeader.TryRead(rest, RecordHeader.MaxTlcpCiphertext, out RecordHeader header, out _);
                    // Opened in place; the flight has its copy already.
                    to.Receive(header, rest.Slice(RecordHeader.Size, header.Length), out _);
                    rest = rest[(RecordHeader.Size + header.Length)..];
                }
            }
        }
        return [.. flight];
    }

    private static TlcpClientEngine Client(SmCipherSuite suite)
    {
        SmSslClientAuthenticationOptions options = new()
        {
            TargetHost = "fuzz.example",
            Protocol = SmProtocol.Tlcp,
            Trust = s_trust,
            ClientCredential = s_client,
            CipherSuites = suite == SmCipherSuite.None ? null : [suite],
            TimeProvider = new Clock(),
            PeerDialects = null,
        };
        return new TlcpClientEngine(options, TlsEngineSettings.From(options) with { HelloRandom = random => random.Fill(0xC1) });
    }

    private static TlcpServerEngine Server(SmCipherSuite suite)
    {
        SmSslServerAuthenticationOptions options = new()
        {
            Credential = s_server,
            Trust = s_trust,
            ClientCertificateMode = SmClientCertificateMode.Request,
            CipherSuites = suite == SmCipherSuite.None ? null : [suite],
            TimeProvider = new Clock(),
        };
        return new TlcpServerEngine(options, TlsEngineSettings.From(options) with { HelloRandom = random => random.Fill(0x5E) });
    }

    private static SmSslCredential Credential(string name)
    {
        Sm2 sign = Sm2.Create(), encrypt = Sm2.Create();
        SmName subject = SmName.Create(name, "Fuzz");
        return new SmSslCredential(
            [s_root.Issue(subject, sign, SmCertificateProfile.Sign(s_now.AddDays(-1), s_now.AddDays(9)).For("fuzz.example"))], sign,
            s_root.Issue(subject, encrypt, SmCertificateProfile.Encrypt(s_now.AddDays(-1), s_now.AddDays(9)).For("fuzz.example")), encrypt);
    }

    private sealed class Clock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => s_now;
    }
}
