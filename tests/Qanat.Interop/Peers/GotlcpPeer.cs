using Qanat.Tls;

namespace Qanat.Interop.Peers;

/// <summary>gotlcp, through the small program in <c>gotlcp/</c> beside this one.</summary>
internal sealed class GotlcpPeer : IPeer
{
    private const string Variable = "QANAT_GOTLCP";
    private const string Program = "gotlcp-peer";
    private readonly string? _program = PeerProgram.Find(Variable, Program);

    /// <inheritdoc/>
    public string Name => "gotlcp";

    /// <inheritdoc/>
    public string? Missing => _program is null ? PeerProgram.Explain(Variable, Program) : null;

    /// <inheritdoc/>
    public string Version => "gotlcp (as built)";

    /// <inheritdoc/>
    public PeerRun Start(Cell cell, int port, InteropPki pki, string folder)
    {
        string own = cell.IsOursServer ? "client" : "server";
        List<string> arguments = [own, "-addr", $"127.0.0.1:{port}", "-suite", cell.Suite.Name(), "-root", pki.File("root.crt")];
        if (!cell.IsOursServer || cell.ClientShowsCertificates)
        {
            arguments.AddRange(["-sign-cert", pki.File($"{own}.sign-chain.crt"), "-sign-key", pki.File($"{own}.sign.key")]);
            arguments.AddRange(["-enc-cert", pki.File($"{own}.enc.crt"), "-enc-key", pki.File($"{own}.enc.key")]);
        }
        if (cell.IsMutual && !cell.IsOursServer)
        {
            arguments.Add("-mutual");
        }
        if (cell.Kind == CellKind.Resumed)
        {
            arguments.Add("-resume");
        }
        return new PeerProcess(_program!, folder, arguments) { IsEcho = !cell.IsOursServer };
    }
}
