using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Qanat.Cli.Output;
using Qanat.Tunnel;
using Qanat.Tunnel.Mux;
using Qanat.Wire;

namespace Qanat.Cli.Diagnosis;

/// <summary>
/// Measures the way to a participant point by point: own hub, its hub, its node (pings beside all sessions), then through the tunnel, then through the tunnel
/// to a service. Behind <c>/api/v1/diagnose?participant=NAME</c> or <c>NAME/SERVICE</c>; one measurement at a time.
/// </summary>
internal sealed class PathMeasurement(TunnelEndpoint tunnel, TimeProvider time) : IDisposable
{
    private const int Pings = 12;
    private const int LoadBytes = 2 << 20;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(15);

    private readonly SemaphoreSlim _one = new(1, 1);

    /// <summary>Answers one request of the admin listener.</summary>
    public async Task<IResult> AnswerAsync(string target, CancellationToken cancellationToken)
    {
        string[] parts = target.Split('/', 2);
        await _one.WaitAsync(cancellationToken);
        try
        {
            return Results.Json(await MeasureAsync(parts[0], parts.Length == 2 ? parts[1] : null, cancellationToken), CliOutput.Json);
        }
        catch (TunnelException e)
        {
            return Results.Json(new { code = e.Code, detail = e.Message }, CliOutput.Json, "application/problem+json", StatusCodes.Status502BadGateway);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Measures the way to a participant and, when named, one of its services.</summary>
    /// <exception cref="TunnelException">The participant is unknown, or the own hub cannot be asked.</exception>
    public async Task<PathReport> MeasureAsync(string participant, string? service, CancellationToken cancellationToken)
    {
        PeerLocation peer = await tunnel.LocateAsync(participant, cancellationToken);
        LinkStatus link = tunnel.GetStatus().Link ?? throw new TunnelException(TunnelError.HubUnreachable, "There is no link to a hub.");
        List<Func<Task<PathPoint>>> way = [() => HopAsync("node-hub", link.HubName ?? "the own hub", link.HubMid, cancellationToken)];
        if (!peer.HubMid.IsNone && peer.HubMid != link.HubMid)
        {
            way.Add(() => HopAsync("hub-hub", peer.Name.Contains('.', StringComparison.Ordinal) ? peer.Name[(peer.Name.IndexOf('.', StringComparison.Ordinal) + 1)..] : "the peer's hub", peer.HubMid, cancellationToken));
        }
        way.Add(() => HopAsync("hub-node", peer.Name, peer.Mid, cancellationToken));
        way.Add(() => GuardAsync("tunnel", peer.Name, c => TunnelAsync(peer, c), cancellationToken));
        if (service is not null)
        {
            way.Add(() => GuardAsync("service", $"{service} of {peer.Name}", c => ServiceAsync(peer, service, c), cancellationToken));
        }
        List<PathPoint> points = [];
        foreach (Func<Task<PathPoint>> step in way)
        {
            points.Add(await step());
            if (points[^1].Error is not null)
            {
                // What lies behind a point that does not answer cannot be told apart from it.
                break;
            }
        }
        return PathVerdict.Judge(peer.Name, peer.Mid.ToString(), points);
    }

    public void Dispose() => _one.Dispose();

    private Task<PathPoint> HopAsync(string hop, string to, Mid target, CancellationToken cancellationToken) =>
        GuardAsync(hop, to, async limited =>
        {
            List<TimeSpan> samples = [];
            for (int i = 0; i < Pings; i++)
            {
                samples.Add(await tunnel.PingAsync(target, 8, limited));
            }
            ThroughputProbe load = await tunnel.MeasureThroughputAsync(target, LoadBytes, limited);
            return (samples, (double?)load.BytesPerSecond);
        }, cancellationToken);

    private async Task<(List<TimeSpan>, double?)> TunnelAsync(PeerLocation peer, CancellationToken cancellationToken)
    {
        QanatEndPoint probe = new(peer.Mid.ToString(), ProbeService.Name);
        List<TimeSpan> samples = [];
        await using (TunnelStream echo = new(await tunnel.ConnectAsync(probe, cancellationToken)))
        {
            byte[] block = new byte[ProbeService.BlockBytes];
            await echo.WriteAsync("E"u8.ToArray(), cancellationToken);
            // The first round trip also carries the opening; it is not counted.
            for (int i = 0; i <= Pings; i++)
            {
                long start = time.GetTimestamp();
                await echo.WriteAsync(block, cancellationToken);
                await echo.ReadExactlyAsync(block, cancellationToken);
                if (i > 0)
                {
                    samples.Add(time.GetElapsedTime(start));
                }
            }
        }
        await using TunnelStream sink = new(await tunnel.ConnectAsync(probe, cancellationToken));
        byte[] load = new byte[64 << 10];
        long began = time.GetTimestamp();
        await sink.WriteAsync("D"u8.ToArray(), cancellationToken);
        for (int sent = 0; sent < LoadBytes; sent += load.Length)
        {
            await sink.WriteAsync(load, cancellationToken);
        }
        await sink.CompleteWritesAsync();
        await sink.ReadExactlyAsync(load.AsMemory(0, ProbeService.BlockBytes), cancellationToken);
        double seconds = Math.Max(1e-6, (time.GetElapsedTime(began) - samples.Min()).TotalSeconds);
        return (samples, LoadBytes / seconds);
    }

    /// <summary>A HEAD request a time, each on a connection of its own: what a platform's new request pays. An answer of any status counts.</summary>
    private async Task<(List<TimeSpan>, double?)> ServiceAsync(PeerLocation peer, string service, CancellationToken cancellationToken)
    {
        QanatEndPoint target = new(peer.Mid.ToString(), service);
        using SocketsHttpHandler handler = new()
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            ConnectCallback = async (_, cancel) => new TunnelStream(await tunnel.ConnectAsync(target, cancel)),
        };
        using HttpClient http = new(handler);
        List<TimeSpan> samples = [];
        for (int i = 0; i < Pings; i++)
        {
            using HttpRequestMessage head = new(HttpMethod.Head, $"http://{service}.{peer.Name.Split('.')[0]}.qanat/");
            head.Headers.ConnectionClose = true;
            long start = time.GetTimestamp();
            using HttpResponseMessage response = await http.SendAsync(head, cancellationToken);
            samples.Add(time.GetElapsedTime(start));
        }
        return (samples, null);
    }

    /// <summary>Runs one measurement within its limit and turns what goes wrong into a point that says so.</summary>
    private async Task<PathPoint> GuardAsync(
        string hop, string to, Func<CancellationToken, Task<(List<TimeSpan> Samples, double? BytesPerSecond)>> measure, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = new(s_limit, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            (List<TimeSpan> samples, double? bytesPerSecond) = await measure(either.Token);
            return new PathPoint(hop, to, Latency.Of(samples), null, null, bytesPerSecond is { } rate ? Math.Round(rate) : null);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Broken(TunnelException.ToCode(TunnelError.ServiceTimeout), $"no whole measurement within {s_limit.TotalSeconds} s");
        }
        catch (Exception e) when (FindTunnelException(e) is { } cause)
        {
            return Broken(cause.Code, cause.Message);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or ConnectionAbortedException)
        {
            return Broken("service-reset", e.Message);
        }

        PathPoint Broken(string code, string detail) => new(hop, to, null, null, null, null, code, detail);
    }

    private static TunnelException? FindTunnelException(Exception? e)
    {
        for (; e is not null; e = e.InnerException)
        {
            if (e is TunnelException found)
            {
                return found;
            }
        }
        return null;
    }
}
