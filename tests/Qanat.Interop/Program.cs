using System.Text.Json;
using Qanat.Interop;
using Qanat.Interop.Peers;

// Runs the matrix of docs/interop.md: qanat-interop [--only TEXT]... [--extras] [--list] [--folder DIR] [--json FILE] [--markdown FILE] [--verbose]
string[] only = [.. args.Index().Where(a => a.Index > 0 && args[a.Index - 1] == "--only").Select(a => a.Item)];
string? Value(string option) => Array.IndexOf(args, option) is >= 0 and int i && i + 1 < args.Length ? args[i + 1] : null;

List<Cell> cells = [.. (args.Contains("--extras") ? Cell.Extras : Cell.Matrix).Where(cell => only.All(text => cell.Name.Contains(text, StringComparison.OrdinalIgnoreCase)))];
if (args.Contains("--list"))
{
    cells.ForEach(cell => Console.WriteLine(cell.Name));
    return 0;
}
string folder = Path.GetFullPath(Value("--folder") ?? Path.Combine(Path.GetTempPath(), $"qanat-interop-{Environment.ProcessId}"));
InteropPki pki = new(Path.Combine(folder, "pki"));
CellRunner runner = new(pki, folder);
Dictionary<string, IPeer> peers = ((IPeer[])[new TongsuoPeer(), new GmSslPeer(), new GotlcpPeer(), new BouncyCastlePeer()]).ToDictionary(peer => peer.Name);
foreach (IPeer peer in peers.Values)
{
    Console.WriteLine($"{peer.Name}: {(peer.Missing is { } reason ? $"absent, its cells are skipped: {reason}" : peer.Version)}");
}
List<CellResult> results = [];
foreach (Cell cell in cells)
{
    IPeer peer = peers[cell.Peer];
    CellResult result = peer.Missing is { } reason ? new CellResult(cell, reason, [], "", "", "") : await runner.RunAsync(cell, peer);
    results.Add(result);
    Console.WriteLine($"{(result.Skipped is not null ? "skip" : result.IsDone ? "ok  " : "FAIL")} {cell.Name} | attempts {result.Attempts.Count} | {result.Dialect} | {result.PeerClose}");
    foreach (Attempt attempt in result.Attempts.Where(attempt => attempt.Error is not null))
    {
        Console.WriteLine($"       {attempt.Error}");
    }
    if (!result.IsDone && result.Skipped is null || args.Contains("--verbose"))
    {
        Console.WriteLine("       " + result.PeerLog.Trim().ReplaceLineEndings("\n       "));
    }
}
int done = results.Count(result => result.IsDone), skipped = results.Count(result => result.Skipped is not null);
Console.WriteLine($"{done} of {results.Count} done, {results.Count - done - skipped} failed, {skipped} skipped; files in {folder}");
if (Value("--json") is { } json)
{
    File.WriteAllText(json, JsonSerializer.Serialize(results.Select(Report.Row), new JsonSerializerOptions { WriteIndented = true }));
}
if (Value("--markdown") is { } markdown)
{
    File.WriteAllText(markdown, Report.Table(results));
}
return done + skipped == results.Count ? 0 : 1;
