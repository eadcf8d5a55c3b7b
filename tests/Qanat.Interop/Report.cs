using System.Text;
using Qanat.Tls;

namespace Qanat.Interop;

/// <summary>Results for programs and for <c>docs/interop.md</c>.</summary>
internal static class Report
{
    /// <summary>One result as an object.</summary>
    public static object Row(CellResult result) => new
    {
        cell = result.Cell.Name,
        ok = result.IsDone,
        skipped = result.Skipped,
        attempts = result.Attempts.Count,
        errors = result.Attempts.Where(attempt => attempt.Error is not null).Select(attempt => attempt.Error),
        dialect = result.Dialect,
        peerClose = result.PeerClose,
        command = result.Command,
    };

    /// <summary>All results as a table in Markdown.</summary>
    public static string Table(IEnumerable<CellResult> results)
    {
        StringBuilder text = new("| protocol | peer | we are | suite | certificates | result | connections | dialect | how the peer closed |\n|---|---|---|---|---|---|---|---|---|\n");
        foreach (CellResult result in results)
        {
            Cell cell = result.Cell;
            string kind = cell.Kind == CellKind.Full ? "" : $", {cell.Kind.ToString().ToLowerInvariant()}";
            string outcome = result.Skipped is not null ? "skipped" : result.IsDone ? "done" : $"failed: {result.Attempts[^1].Error}";
            text.Append($"| {(cell.Protocol == SmProtocol.Tlcp ? "TLCP" : "TLS 1.3")} | {cell.Peer} | {(cell.IsOursServer ? "server" : "client")} | {cell.Suite.Name()} ");
            text.Append($"| {(cell.IsMutual ? "mutual" : "one-way")}{kind} | {outcome} | {result.Attempts.Count} | {result.Dialect} | {result.PeerClose} |\n");
        }
        return text.ToString();
    }
}
