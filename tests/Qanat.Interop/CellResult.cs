namespace Qanat.Interop;

/// <summary>One try to connect.</summary>
/// <param name="Error">Why it failed; null when it did not.</param>
/// <param name="Dialect">How it was spoken, when it did not fail.</param>
internal sealed record Attempt(string? Error, string? Dialect);

/// <summary>What came of a cell.</summary>
/// <param name="Cell">Which.</param>
/// <param name="Skipped">Why it was not run; null when it was.</param>
/// <param name="Attempts">All tries; the last one counts.</param>
/// <param name="Command">The peer's command line.</param>
/// <param name="PeerClose">How the peer ended: <c>close_notify</c> or without.</param>
/// <param name="PeerLog">What the peer said.</param>
internal sealed record CellResult(Cell Cell, string? Skipped, IReadOnlyList<Attempt> Attempts, string Command, string PeerClose, string PeerLog)
{
    /// <summary>True when the last try did everything.</summary>
    public bool IsDone => Skipped is null && Attempts[^1].Error is null;

    /// <summary>How the last try was spoken.</summary>
    public string Dialect => Skipped is null ? Attempts[^1].Dialect ?? "-" : "-";
}
