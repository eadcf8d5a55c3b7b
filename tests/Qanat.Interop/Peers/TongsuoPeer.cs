using Qanat.Tls;

namespace Qanat.Interop.Peers;

/// <summary>Tongsuo's <c>s_server</c> and <c>s_client</c>.</summary>
internal sealed class TongsuoPeer : IPeer
{
    private const string Variable = "QANAT_TONGSUO";
    private const string Program = "tongsuo";
    private const string SessionFile = "tongsuo.session";
    private readonly string? _program = PeerProgram.Find(Variable, Program);
    private readonly string? _libraries;

    public TongsuoPeer() => _libraries = _program is null ? null : PeerProgram.Libraries(_program, "libssl.so.3");

    /// <inheritdoc/>
    public string Name => "tongsuo";

    /// <inheritdoc/>
    public string? Missing => _program is null ? PeerProgram.Explain(Variable, Program) : null;

    /// <inheritdoc/>
    public string Version => PeerProgram.FirstLine(_program!, _libraries, "version");

    /// <inheritdoc/>
    public PeerRun Start(Cell cell, int port, InteropPki pki, string folder)
    {
        List<string> arguments = cell.IsOursServer ? ClientArguments(cell, port, pki) : ServerArguments(cell, port, pki);
        arguments.AddRange(cell.Protocol == SmProtocol.Tlcp
            ? ["-cipher", cell.Suite.Name().Replace("_SM4", "_SM2_SM4", StringComparison.Ordinal).Replace('_', '-')]
            : ["-tls1_3", "-ciphersuites", cell.Suite.Name(), "-groups", Groups(cell)]);
        string session = Path.Combine(folder, SessionFile);
        if (cell.Kind == CellKind.Resumed && cell.IsOursServer)
        {
            arguments.AddRange(File.Exists(session) ? ["-sess_in", session] : ["-sess_out", session]);
        }
        // -quiet leaves nothing but the data on the standard output.
        return new PeerProcess(_program!, folder, [.. arguments, "-quiet"], _libraries) { IsEcho = false };
    }

    private static string Groups(Cell cell) => cell.Kind switch
    {
        CellKind.Hybrid => "curveSM2MLKEM768",
        // As client it sends a share of its first group only.
        CellKind.Retried => cell.IsOursServer ? "curveSM2MLKEM768:SM2" : "SM2",
        _ => "SM2",
    };

    private static List<string> ServerArguments(Cell cell, int port, InteropPki pki)
    {
        List<string> arguments = ["s_server", "-accept", $"127.0.0.1:{port}", "-CAfile", pki.File("chain.crt"), "-chainCAfile", pki.File("ca.crt")];
        arguments.AddRange(cell.Protocol == SmProtocol.Tlcp ? ["-enable_ntls", .. Pair("server", pki)] : ["-cert", pki.File("server.sign.crt"), "-key", pki.File("server.sign.key")]);
        if (cell.IsMutual)
        {
            arguments.AddRange(["-Verify", "3", "-verify_return_error"]);
        }
        return arguments;
    }

    private static List<string> ClientArguments(Cell cell, int port, InteropPki pki)
    {
        List<string> arguments = ["s_client", "-connect", $"localhost:{port}", "-CAfile", pki.File("root.crt"), "-verify_return_error", "-verify_hostname", "localhost"];
        if (cell.Protocol == SmProtocol.Tlcp)
        {
            arguments.AddRange(["-enable_ntls", "-ntls"]);
        }
        if (cell.ClientShowsCertificates)
        {
            arguments.AddRange(cell.Protocol == SmProtocol.Tlcp ? Pair("client", pki) : ["-cert", pki.File("client.sign.crt"), "-key", pki.File("client.sign.key")]);
            arguments.AddRange(["-chainCAfile", pki.File("ca.crt")]);
        }
        return arguments;
    }

    private static string[] Pair(string own, InteropPki pki) =>
        ["-sign_cert", pki.File($"{own}.sign.crt"), "-sign_key", pki.File($"{own}.sign.key"), "-enc_cert", pki.File($"{own}.enc.crt"), "-enc_key", pki.File($"{own}.enc.key")];
}
