using Qanat.Gm;
using Qanat.Tls.Certificates;
using Qanat.Tls.Engine;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using Qanat.Tls.Replay;
using Qanat.Tls.Schedule;

namespace Qanat.Tls.Tests.Engine;

/// <summary>
/// The engines against flights of Tongsuo, GmSSL and gotlcp as they were recorded, with the random of the engine's own hello pinned to the recorded one. Each flight is taken as far as it depends on
/// nothing else that this end sent: a server's up to ServerHelloDone with its signature, a client's up to its key exchange with the master secret. Finished covers this end's own messages, so
/// there both sides part.
/// </summary>
[Trait("Kind", "Vector")]
public sealed class TlcpRecordedPeersTests
{
    // gotlcp's clients leave their authority out.
    private static readonly SmTrustStore s_trust = new([Certificate("root_ca")], [Certificate("sub_ca")]);

    public static TheoryData<string> Cells =>
        [.. Vectors.Cells.Where(c => c.Contains("tlcp-", StringComparison.Ordinal) && !c.Contains("-resume-", StringComparison.Ordinal) && Messages(c, ofServer: true).Contains(HandshakeType.ServerHelloDone))];

    [Theory]
    [MemberData(nameof(Cells))]
    public void A_client_takes_the_flight_of_a_recorded_server(string cell)
    {
        RecordedConnection recording = Load(cell);
        SmSslClientAuthenticationOptions options = new()
        {
            Protocol = SmProtocol.Tlcp,
            Trust = s_trust,
            RemoteCertificateValidationCallback = chain => chain.IsValid,
            ClientCredential = Credential("client"),
            TimeProvider = new StoppedClock(recording.RecordedAt!.Value),
            CipherSuites = [Suite(recording)],
            PeerDialects = null,
        };
        using TlcpClientEngine engine = new(options.Snapshot(), TlsEngineSettings.From(options) with { HelloRandom = random => Random(recording.ClientBytes).CopyTo(random) });
        engine.Start();
        SmTlsError error = Feed(engine, recording.ServerBytes, isFlightOnly: true);
        // Our hello has no ticket extension, so an answer to one is refused; everything else is taken.
        bool hasExtensions = recording.ServerBytes[3] * 256 + recording.ServerBytes[4] > 4 + 2 + 32 + 1 + recording.ServerBytes[43] + 3;
        if (hasExtensions)
        {
            Assert.Equal(SmTlsError.UnsupportedExtension, error);
            return;
        }
        Assert.True(error == SmTlsError.None, engine.Failure?.Message);
        Assert.Equal(Certificate("server_sign"), engine.PeerChain!.SignCertificate);
        byte[] output = engine.Output.ToArray();
        Assert.Contains(HandshakeType.ClientKeyExchange, Messages(output));
        Assert.Equal(Messages(recording.ServerBytes).Contains(HandshakeType.CertificateRequest), Messages(output).Contains(HandshakeType.CertificateVerify));
    }

    public static TheoryData<string> ClientCells => [.. Cells.Select(row => (string)row.Data).Where(c => Messages(c, ofServer: false).Contains(HandshakeType.ClientKeyExchange))];

    [Theory]
    [MemberData(nameof(ClientCells))]
    public void A_server_takes_the_flight_of_a_recorded_client_and_has_its_master_secret(string cell)
    {
        RecordedConnection recording = Load(cell);
        SmCipherSuite suite = Suite(recording);
        HandshakeType[] messages = Messages(recording.ClientBytes);
        bool isMutual = messages.Contains(HandshakeType.CertificateVerify);
        List<string> log = [];
        SmSslServerAuthenticationOptions options = new()
        {
            Trust = s_trust,
            Credential = Credential("server"),
            TimeProvider = new StoppedClock(recording.RecordedAt!.Value),
            ClientCertificateMode = isMutual ? SmClientCertificateMode.Require : SmClientCertificateMode.None,
            CipherSuites = [suite],
            EnabledProtocols = [SmProtocol.Tlcp],
            KeyLog = log.Add,
        };
        TlsEngineSettings settings = TlsEngineSettings.From(options) with { HelloRandom = random => Random(recording.ServerBytes).CopyTo(random) };
        if (suite.IsEcdhe() && recording.ServerEphemeralKeys.Count > 0)
        {
            settings = settings with { EphemeralKey = () => Sm2.Create(recording.ServerEphemeralKeys[0]) };
        }
        using TlcpServerEngine engine = new(options.Snapshot(), settings);
        SmTlsError error = Feed(engine, recording.ClientBytes, isFlightOnly: false);
        // A mutual client signed the recorded server's messages, another one derived its keys over them: both part from here at the last moment possible, and for that reason.
        Assert.Equal(isMutual ? SmTlsError.BadSignature : SmTlsError.BadFinished, error);
        string[] line = Assert.Single(log).Split(' ');
        IReadOnlyDictionary<string, byte[]> known = KeyLogLine.Parse(recording.KeyLog, Random(recording.ClientBytes));
        if (!suite.IsEcdhe() || recording.ServerEphemeralKeys.Count > 0)
        {
            Assert.Equal(known[KeyLogLine.ClientRandom], Convert.FromHexString(line[2]));
        }
        Assert.Equal(isMutual ? Certificate("client_sign") : null, engine.PeerChain?.SignCertificate);
        Assert.Equal(isMutual && engine.PeerChain!.EncryptCertificate is null ? TlcpClientCertificatesDialect.One : TlcpClientCertificatesDialect.Pair, engine.Dialect.ClientCertificates);
    }

    [Fact]
    public void The_recordings_hold_enough_of_all_peers_and_dialects()
    {
        string[] servers = [.. Cells.Select(row => (string)row.Data)], clients = [.. ClientCells.Select(row => (string)row.Data)];
        foreach (string peer in (string[])["ts", "gm", "go"])
        {
            Assert.True(servers.Count(c => c.Contains($"-s-{peer}-", StringComparison.Ordinal)) >= 4, peer);
            Assert.True(clients.Count(c => c.EndsWith($"-c-{peer}", StringComparison.Ordinal)) >= 4, peer);
        }
        Assert.True(servers.Length >= 40 && clients.Length >= 40, $"{servers.Length}, {clients.Length}");
    }

    private static SmTlsError Feed(TlsEngine engine, byte[] bytes, bool isFlightOnly)
    {
        for (int at = 0; at < bytes.Length;)
        {
            if (RecordHeader.TryRead(bytes.AsSpan(at), RecordHeader.MaxTlcpCiphertext, out RecordHeader header, out _) != TlsReadStatus.Complete || (isFlightOnly && header.Type != RecordType.Handshake))
            {
                break;
            }
            byte[] fragment = bytes.AsSpan(at + RecordHeader.Size, header.Length).ToArray();
            at += RecordHeader.Size + header.Length;
            if (engine.Receive(header, fragment, out _) is var error and not SmTlsError.None)
            {
                return error;
            }
        }
        return SmTlsError.None;
    }

    private static HandshakeType[] Messages(string cell, bool ofServer) => Messages(Vectors.Read(cell, ofServer ? "s2c.bin" : "c2s.bin"));

    /// <summary>The handshake messages before ChangeCipherSpec; these peers put one into each record.</summary>
    private static HandshakeType[] Messages(byte[] bytes)
    {
        List<HandshakeType> types = [];
        for (int at = 0; at + RecordHeader.Size < bytes.Length && bytes[at] == (byte)RecordType.Handshake; at += RecordHeader.Size + bytes[at + 3] * 256 + bytes[at + 4])
        {
            types.Add((HandshakeType)bytes[at + RecordHeader.Size]);
        }
        return [.. types];
    }

    private static byte[] Random(byte[] bytes) => bytes[(RecordHeader.Size + HandshakeMessage.HeaderLength + 2)..][..ClientHello.RandomLength];

    private static SmCipherSuite Suite(RecordedConnection recording)
    {
        Assert.Equal(SmTlsError.None, ServerHello.Read(recording.ServerBytes.AsSpan(9, recording.ServerBytes[7] * 256 + recording.ServerBytes[8]), out ServerHello hello));
        return hello.CipherSuite;
    }

    private static RecordedConnection Load(string cell) => RecordedConnection.Load(file => File.Exists(Path.Combine(Vectors.Folder(cell), file)) ? Vectors.Read(cell, file) : null);

    private static SmCertificate Certificate(string name) => SmCertificate.FromPem(File.ReadAllText(Path.Combine(Vectors.Pki, $"{name}.crt.pem")));

    private static SmSslCredential Credential(string side)
    {
        string Text(string name) => File.ReadAllText(Path.Combine(Vectors.Pki, name));
        return SmSslCredential.FromPem(
            Text($"{side}_sign.crt.pem") + Text("sub_ca.crt.pem"), Text($"{side}_sign.key.pem"), Text($"{side}_enc.key.pem"), Text($"{side}_enc.crt.pem"));
    }
}
