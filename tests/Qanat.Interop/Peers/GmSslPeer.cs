using Qanat.Tls;

namespace Qanat.Interop.Peers;

/// <summary>GmSSL's tools: <c>tlcp_server</c>, <c>tlcp_client</c>, <c>tls13_server</c>, <c>tls13_client</c>.</summary>
internal sealed class GmSslPeer : IPeer
{
    private const string Variable = "QANAT_GMSSL";
    private const string Program = "gmssl";
    private const string SessionFile = "gmssl.session";
    // Its tools read a record into 1,024 or 1,600 bytes; what is longer they leave in the connection, wait for more to arrive, and stop when they are to send before it does.
    private const int MaxRecordBytes = 1024;
    private readonly string? _program = PeerProgram.Find(Variable, Program);

    /// <inheritdoc/>
    public string Name => "gmssl";

    /// <inheritdoc/>
    public string? Missing => _program is null ? PeerProgram.Explain(Variable, Program) : null;

    /// <inheritdoc/>
    public string Version => PeerProgram.FirstLine(_program!, null, "version");

    /// <inheritdoc/>
    public PeerRun Start(Cell cell, int port, InteropPki pki, string folder) => cell.IsOursServer ? StartClient(cell, port, pki, folder) : StartServer(cell, port, pki, folder);

    private static string SuiteName(SmCipherSuite suite) => suite.Protocol() == SmProtocol.Tlcp ? "TLS_" + suite.Name() : suite.Name();

    private PeerProcess StartServer(Cell cell, int port, InteropPki pki, string folder)
    {
        bool isTlcp = cell.Protocol == SmProtocol.Tlcp;
        List<string> arguments = [isTlcp ? "tlcp_server" : "tls13_server", "-port", $"{port}", "-cipher_suite", SuiteName(cell.Suite), "-pass", InteropPki.Password];
        arguments.AddRange(isTlcp
            ? ["-cert", pki.File("server.pair.crt"), "-key", pki.File("server.pair.gmssl.key")]
            : ["-cert", pki.File("server.sign-chain.crt"), "-key", pki.File("server.sign.gmssl.key"), "-supported_group", "sm2p256v1", "-sig_alg", "sm2sig_sm3"]);
        // GmSSL chooses ECDHE of TLCP also when it is not told to ask for the certificates that ECDHE needs, and then cannot go on, not even with its own client.
        if (cell.ClientShowsCertificates)
        {
            arguments.AddRange(["-cert_request", "-cacert", pki.File("root.crt")]);
        }
        if (cell.Kind == CellKind.Resumed)
        {
            arguments.AddRange(["-psk_dhe_ke", "-new_session_ticket", "1", "-ticket_key", new string('4', 32)]);
        }
        return new PeerProcess(_program!, folder, arguments) { IsEcho = true, MaxRecordBytes = MaxRecordBytes };
    }

    private PeerProcess StartClient(Cell cell, int port, InteropPki pki, string folder)
    {
        bool isTlcp = cell.Protocol == SmProtocol.Tlcp;
        byte[] payload = Payload.Create();
        string file = Path.Combine(folder, "gmssl.in");
        File.WriteAllBytes(file, payload);
        List<string> arguments =
        [
            isTlcp ? "tlcp_client" : "tls13_client", "-host", "localhost", "-port", $"{port}", "-cipher_suite", SuiteName(cell.Suite), "-cacert", pki.File("root.crt"), "-in", file,
        ];
        if (!isTlcp)
        {
            arguments.AddRange(cell.Kind == CellKind.Retried ? ["-supported_group", "prime256v1", "-max_key_exchanges", "1"] : []);
            arguments.AddRange(["-supported_group", "sm2p256v1", "-sig_alg", "sm2sig_sm3"]);
        }
        if (cell.ClientShowsCertificates)
        {
            // For its ECC suites GmSSL takes the second certificate of a file for an authority, and for ECDHE it wants the pair.
            arguments.AddRange(cell.Suite.IsEcdhe()
                ? ["-cert", pki.File("client.pair.crt"), "-key", pki.File("client.pair.gmssl.key"), "-pass", InteropPki.Password]
                : ["-cert", pki.File("client.sign-chain.crt"), "-key", pki.File("client.sign.gmssl.key"), "-pass", InteropPki.Password]);
        }
        if (cell.Kind == CellKind.Resumed)
        {
            string session = Path.Combine(folder, SessionFile);
            arguments.AddRange(File.Exists(session) ? ["-psk_dhe_ke", "-sess_in", session] : ["-psk_dhe_ke", "-sess_out", session]);
        }
        return new PeerProcess(_program!, folder, arguments, fromFile: payload) { IsEcho = false, MaxRecordBytes = MaxRecordBytes };
    }
}
