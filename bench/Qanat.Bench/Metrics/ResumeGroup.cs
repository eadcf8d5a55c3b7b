using System.Text.Json;
using Qanat.Bench.Load;
using Qanat.Bench.Peers;
using Qanat.Bench.Processes;
using Qanat.Bench.Report;
using Qanat.Bench.Workers;

namespace Qanat.Bench.Metrics;

/// <summary>
/// Resume: a stream at a steady 20 MB/s, whose transport is cut by the same cutter in front of the relay (ours) or the server (dev-tunnels-ssh).
/// The stall is the longest time without an arrival around the cut. All bytes must be right and the stream must stay open.
/// </summary>
public sealed class ResumeGroup : MetricGroup
{
    private const double Rate = 20e6;
    private const string DevTunnels = "dev-tunnels-ssh";

    public override string Name => "resume";

    public override bool NeedsDelay => false;

    public override async Task<IReadOnlyList<ReportRow>> RunAsync(TunnelContext context, Lab lab)
    {
        TunnelContext.Say("stall after a cut link at 20 MB/s (ms)");
        List<double> ours = [], killed = [], peer = [];
        string? ourNote = null, peerNote = null;
        await using WorkerProcess cutter = WorkerProcess.Start("cutter", lab.Hub);
        await using DevTunnelsPeer devTunnels = new(lab, cutter);
        try
        {
            await devTunnels.StartAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is InvalidOperationException or TimeoutException or System.ComponentModel.Win32Exception)
        {
            peerNote = e.Message.ReplaceLineEndings(" ");
            lab.Missing[DevTunnels] = peerNote;
        }
        int handle = 0;
        QanatSystem system = new(1, async hub =>
        {
            ServiceReply reply = await cutter.CallAsync<ServiceReply>("listen-cutter", new CutterArguments(hub.Address)).ConfigureAwait(false);
            handle = reply.Handle;
            return reply.Port;
        });
        try
        {
            await system.StartAsync(lab).ConfigureAwait(false);
        }
        catch (Exception e) when (e is InvalidOperationException or HttpRequestException)
        {
            ourNote = $"{TunnelContext.OneHub} missing: {e.Message.ReplaceLineEndings(" ")}";
        }

        for (int round = 0; round < context.Rounds; round++)
        {
            // Side by side, at a rate that leaves both cores mostly idle.
            Task<string?> peerCut = peerNote is null ? devTunnels.CutAsync() : Task.FromResult<string?>(peerNote);
            ourNote ??= await CutAsync(system, ours, () => cutter.CallAsync<object>("cut", new HandleArguments(handle))).ConfigureAwait(false);
            peerNote = await peerCut.ConfigureAwait(false);
        }
        for (int round = 0; round < (context.Quick ? 1 : 5) && ourNote is null; round++)
        {
            ourNote = await CutAsync(system, killed, () => system.KillAndRestartAsync(system.HubOfA)).ConfigureAwait(false);
        }
        if (peerNote is null)
        {
            try
            {
                (peer, bool right) = await devTunnels.FinishAsync().ConfigureAwait(false);
                peerNote = right ? null : "the peer lost or changed bytes";
            }
            catch (Exception e) when (e is InvalidOperationException or TimeoutException)
            {
                peerNote = e.Message;
            }
        }
        await system.DisposeAsync().ConfigureAwait(false);
        TunnelContext.Say($"  ours [{string.Join(' ', ours.Select(v => $"{v:f0}"))}]  hub killed and back [{string.Join(' ', killed.Select(v => $"{v:f0}"))}]  dev-tunnels-ssh [{string.Join(' ', peer.Select(v => $"{v:f0}"))}]");
        string? note = string.Join("; ", new[] { ourNote, peerNote is null ? null : $"{DevTunnels} missing: {peerNote}" }.OfType<string>());
        note = note.Length == 0 ? null : note;
        return
        [
            new ReportRow
            {
                Metric = "stall after a cut link, 20 MB/s", Unit = "ms", Better = "lower", Peer = DevTunnels, Ours = MedianOrNull(ours), PeerValue = MedianOrNull(peer),
                OursRounds = [.. ours], PeerRounds = [.. peer], Note = note,
            },
            TunnelContext.Bound("stall when the hub is killed and started again at once", "ms", "lower", MedianOrNull(killed), "700 ms", 700, null, null, [.. killed],
                ourNote ?? "with the time that the hub's process needs to start"),
        ];
    }

    /// <summary>One transfer of about one second with the cut in its middle. Null, or what went wrong.</summary>
    private static async Task<string?> CutAsync(QanatSystem system, List<double> stalls, Func<Task> cut)
    {
        try
        {
            Task<BulkResult> transfer = system.BulkAsync(new BulkArguments("", 1, (long)(Rate * 1.2), BulkDirection.Down, BytesPerSecond: Rate));
            await Task.Delay(500).ConfigureAwait(false);
            await cut().ConfigureAwait(false);
            stalls.Add(Math.Round((await transfer.WaitAsync(TimeSpan.FromSeconds(30)).ConfigureAwait(false)).LongestGapSeconds * 1000, 1));
            return null;
        }
        catch (Exception e) when (e is InvalidOperationException or TimeoutException)
        {
            return $"a transfer did not survive: {e.Message.ReplaceLineEndings(" ")}";
        }
    }

    private static double? MedianOrNull(List<double> values) => values.Count == 0 ? null : Math.Round(Samples.MedianOf(values), 1);

    /// <summary>The node program that drives dev-tunnels-ssh, client and server in one process, through the cutter.</summary>
    private sealed class DevTunnelsPeer(Lab lab, WorkerProcess cutter) : IAsyncDisposable
    {
        private readonly TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource<JsonElement> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private ChildProcess? _process;
        private int _handle;

        public async Task StartAsync()
        {
            string modules = Path.Combine(ResultsBook.FindBenchFolder(), "peers", "node_modules");
            string node = ChildProcess.Find("node") ?? throw new InvalidOperationException("node is not installed");
            if (!Directory.Exists(Path.Combine(modules, "@microsoft", "dev-tunnels-ssh-tcp")))
            {
                throw new InvalidOperationException("dev-tunnels-ssh is not installed; run bench/peers.sh");
            }
            int port = lab.Hub.FreePort();
            ServiceReply reply = await cutter.CallAsync<ServiceReply>("listen-cutter", new CutterArguments($"127.0.0.1:{port}")).ConfigureAwait(false);
            _handle = reply.Handle;
            System.Diagnostics.ProcessStartInfo start = lab.Hub.StartInfo(node, Path.Combine(AppContext.BaseDirectory, "Peers", "dev-tunnels.cjs"), $"127.0.0.1:{reply.Port}", $"{port}", $"{Rate}");
            start.Environment["NODE_PATH"] = modules;
            _process = ChildProcess.Start(DevTunnels, start, OnLine);
            Task first = await Task.WhenAny(_connected.Task, _process.WaitForExitAsync(), Task.Delay(10_000)).ConfigureAwait(false);
            if (first != _connected.Task)
            {
                throw new InvalidOperationException($"dev-tunnels-ssh did not connect: {_process.Tail}");
            }
        }

        /// <summary>Null, or why the peer is gone.</summary>
        public async Task<string?> CutAsync()
        {
            await Task.Delay(1100).ConfigureAwait(false); // Behind ours: the two cuts do not fall together.
            if (_process!.HasExited)
            {
                return $"it ended after a cut: {_process.Tail.ReplaceLineEndings(" ")}";
            }
            await _process.Input.WriteLineAsync("cut").ConfigureAwait(false);
            await _process.Input.FlushAsync().ConfigureAwait(false);
            await cutter.CallAsync<object>("cut", new HandleArguments(_handle)).ConfigureAwait(false);
            return null;
        }

        public async Task<(List<double> Gaps, bool Right)> FinishAsync()
        {
            await Task.Delay(1000).ConfigureAwait(false);
            if (_process!.HasExited)
            {
                throw new InvalidOperationException($"it ended after a cut: {_process.Tail.ReplaceLineEndings(" ")}");
            }
            await _process.Input.WriteLineAsync("end").ConfigureAwait(false);
            await _process.Input.FlushAsync().ConfigureAwait(false);
            JsonElement result = await _result.Task.WaitAsync(TimeSpan.FromSeconds(10)).ConfigureAwait(false);
            return ([.. result.GetProperty("gaps").EnumerateArray().Select(gap => Math.Round(gap.GetDouble(), 1))], result.GetProperty("ok").GetBoolean());
        }

        public ValueTask DisposeAsync() => _process?.DisposeAsync() ?? ValueTask.CompletedTask;

        private void OnLine(string line)
        {
            JsonElement parsed = JsonDocument.Parse(line).RootElement;
            switch (parsed.GetProperty("event").GetString())
            {
                case "connected":
                    _connected.TrySetResult();
                    break;
                case "result":
                    _result.TrySetResult(parsed);
                    break;
            }
        }
    }
}
