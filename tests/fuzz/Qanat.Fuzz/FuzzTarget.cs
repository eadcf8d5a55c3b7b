namespace Qanat.Fuzz;

/// <summary>Takes any bytes. Throws when an invariant of the code under test does not hold.</summary>
internal delegate void FuzzAction(ReadOnlySpan<byte> input);

/// <summary>One parser or state machine to be fuzzed.</summary>
/// <param name="Name">As given on the command line.</param>
/// <param name="Seeds">Valid inputs to start from.</param>
/// <param name="Run">The code and its invariants.</param>
internal sealed record FuzzTarget(string Name, byte[][] Seeds, FuzzAction Run)
{
    /// <summary>All targets by name.</summary>
    internal static IReadOnlyDictionary<string, FuzzTarget> All { get; } =
        new[]
        {
            Targets.HeaderTargets.All, Targets.HandshakeTargets.All, Targets.ControlTargets.All, Targets.HttpTargets.All,
            Targets.WebSocketTargets.All, Targets.MuxTargets.All, Targets.SessionTargets.All,
            Targets.TlsTargets.All, Targets.TlcpEngineTargets.All, Targets.CertificateTargets.All,
        }
            .SelectMany(targets => targets)
            .ToDictionary(target => target.Name, StringComparer.Ordinal);
}

/// <summary>An invariant that does not hold.</summary>
internal sealed class FuzzFinding(string message) : Exception(message)
{
    internal static void Require(bool holds, string what)
    {
        if (!holds)
        {
            throw new FuzzFinding(what);
        }
    }
}
