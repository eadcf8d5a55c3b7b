using Qanat.Gm;
using Qanat.Tls.Certificates;
using Qanat.Tls.Engine;
using Qanat.Tls.Engine.Tls13;
using Qanat.Tls.Messages;
using Qanat.Tls.Records;
using Qanat.Tls.Replay;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>
/// The engines against flights of Tongsuo and GmSSL as they were recorded, with hello and ephemeral key pinned to the recorded ones. A server's flight is taken to its end: keys, certificates,
/// CertificateVerify, Finished and tickets. A client's Finished covers the server's own signature, so there a server parts with the recording - but by then it has opened it.
/// </summary>
[Trait("Kind", "Vector")]
public sealed class Tls13RecordedPeersTests
{
    private static readonly SmTrustStore s_trust = new([Certificate("root_ca")], [Certificate("sub_ca")]);

    /// <summary>Full handshakes whose client's ephemeral key is known.</summary>
    public static TheoryData<string> ServerCells => [.. Cells.Where(c => !c.Contains("hrr", StringComparison.Ordinal) && !c.EndsWith("resume-psk-s-ts-c-ts", StringComparison.Ordinal)
        && Group(c) == NamedGroup.CurveSm2 && Load(c).ClientEphemeralKeys.Count > 0)];

    /// <summary>Every recorded hello.</summary>
    public static TheoryData<string> ClientCells => [.. Cells];

    private static IEnumerable<string> Cells => Vectors.Cells.Where(c => c.Contains("tls13-", StringComparison.Ordinal));

    [Theory]
    [MemberData(nameof(ServerCells))]
    public void A_client_takes_the_whole_flight_of_a_recorded_server(string cell)
    {
        RecordedConnection recording = Load(cell);
        using SmTicketStore tickets = new();
        SmSslClientAuthenticationOptions options = new()
        {
            TargetHost = "localhost",
            Trust = s_trust,
            ClientCredential = Credential("client"),
            TimeProvider = new ManualTime(recording.RecordedAt!.Value),
            Groups = [NamedGroup.CurveSm2],
            Tickets = tickets,
        };
        byte[] clientBytes = recording.ClientBytes;
        using Tls13ClientEngine engine = new(options, TlsEngineSettings.From(options) with
        {
            RecordedHello = clientBytes[5..(5 + (clientBytes[3] << 8 | clientBytes[4]))],
            EphemeralKey = () => Sm2.Create(recording.ClientEphemeralKeys[0]),
        });
        engine.Start();
        // Up to the end of the handshake; what follows answers the recorded client's own flight.
        int at = 0;
        while (!engine.IsHandshakeComplete && engine.Failure is null && at < recording.ServerBytes.Length)
        {
            at += Feed(engine, recording.ServerBytes.AsSpan(at));
        }
        Assert.True(engine.IsHandshakeComplete, engine.Failure?.Message);
        Assert.Equal(Certificate("server_sign"), engine.PeerChain!.SignCertificate);
        Assert.True(engine.PeerChain.IsValid);
        // Tickets come under the same keys.
        int rest = at;
        while (engine.Failure is null && rest < recording.ServerBytes.Length && !engine.IsPeerClosed)
        {
            rest += Feed(engine, recording.ServerBytes.AsSpan(rest));
        }
        Assert.True(engine.Failure is null or { Error: SmTlsError.PeerAlert }, engine.Failure?.Message);
        // Tongsuo gives tickets, of 597 bytes after mutual TLS; where a GmSSL client was to survive, it was told not to, and it refuses a client without a certificate first.
        bool isOfTongsuo = cell.Contains("-s-ts-", StringComparison.Ordinal) || cell.Contains("-s-ts84-", StringComparison.Ordinal);
        Assert.Equal(isOfTongsuo && !cell.Contains("nocert", StringComparison.Ordinal) && !cell.Contains("mutual-s-ts-c-gm", StringComparison.Ordinal), tickets.Count > 0);
    }

    [Theory]
    [MemberData(nameof(ClientCells))]
    public void A_server_takes_the_hello_of_a_recorded_client(string cell)
    {
        RecordedConnection recording = Load(cell);
        SmSslServerAuthenticationOptions options = new()
        {
            Credential = Credential("server"),
            EnabledProtocols = [SmProtocol.Tls13],
            TimeProvider = new ManualTime(recording.RecordedAt!.Value),
            Groups = cell.Contains("hrr", StringComparison.Ordinal) ? [NamedGroup.CurveSm2] : null,
            TicketKeys = new SmTicketKeys(),
        };
        using Tls13ServerEngine engine = new(options);
        Feed(engine, recording.ClientBytes);
        Assert.True(engine.Failure is null, engine.Failure?.Message);
        byte[] answer = engine.Output.ToArray();
        Assert.Equal(SmTlsError.None, ServerHello.Read(answer.AsSpan(9, answer[3] * 256 + answer[4] - 4), out ServerHello hello));
        Assert.Equal(cell.Contains("hrr", StringComparison.Ordinal), hello.IsHelloRetryRequest);
        Assert.Equal(Group(cell), hello.Group);
    }

    [Fact]
    public void The_recordings_hold_enough_of_both_peers()
    {
        string[] cells = [.. ServerCells.Select(row => (string)row.Data)];
        Assert.True(cells.Count(c => c.Contains("-s-ts", StringComparison.Ordinal)) >= 4, string.Join(' ', cells));
        Assert.True(cells.Count(c => c.Contains("-s-gm", StringComparison.Ordinal)) >= 2, string.Join(' ', cells));
        Assert.True(Cells.Count() >= 20);
    }

    private static NamedGroup Group(string cell)
    {
        byte[] server = Vectors.Read(cell, "s2c.bin");
        Assert.Equal(SmTlsError.None, ServerHello.Read(server.AsSpan(9, server[3] * 256 + server[4] - 4), out ServerHello hello));
        return hello.Group;
    }

    private static int Feed(TlsEngine engine, ReadOnlySpan<byte> bytes)
    {
        Assert.Equal(TlsReadStatus.Complete, RecordHeader.TryRead(bytes, engine.MaxFragmentLength, out RecordHeader header, out _));
        engine.Receive(header, bytes.Slice(RecordHeader.Size, header.Length).ToArray(), out _);
        return RecordHeader.Size + header.Length;
    }

    private static RecordedConnection Load(string cell) => RecordedConnection.Load(file => File.Exists(Path.Combine(Vectors.Folder(cell), file)) ? Vectors.Read(cell, file) : null);

    private static SmCertificate Certificate(string name) => SmCertificate.FromPem(File.ReadAllText(Path.Combine(Vectors.Pki, $"{name}.crt.pem")));

    private static SmSslCredential Credential(string side)
    {
        string Text(string name) => File.ReadAllText(Path.Combine(Vectors.Pki, name));
        return SmSslCredential.FromPem(Text($"{side}_sign.crt.pem") + Text("sub_ca.crt.pem"), Text($"{side}_sign.key.pem"));
    }
}
