using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Time.Testing;
using Qanat.Cli.Diagnosis;
using Qanat.Tunnel;
using Qanat.Wire;

namespace Qanat.Cli.Tests;

public sealed class DiagnosisTests
{
    private static readonly Mid s_peer = Mid.Read(new byte[16]);

    [Fact]
    public void Hop_that_adds_most_is_named()
    {
        PathReport report = PathVerdict.Judge("b.hub-b", "mid", [Point("node-hub", 10), Point("hub-hub", 90), Point("hub-node", 95), Point("tunnel", 96)]);
        Assert.True(report.Ok);
        Assert.Equal("hub-hub", report.GuiltyHop);
        Assert.Equal([10, 80, 5, 1], report.Points.Select(p => p.HopMilliseconds));
        Assert.Equal(80 / 96.0, report.Points[1].Share!.Value, 3);
        Assert.Contains("hub-hub (to x) takes 80.00 ms of 96.00 ms, 83 %", report.Verdict, StringComparison.Ordinal);
    }

    [Fact]
    public void Point_that_does_not_answer_is_named_before_any_slow_one()
    {
        PathPoint broken = new("hub-node", "b.hub-b", null, null, null, null, "peer-offline", "no link");
        PathReport report = PathVerdict.Judge("b.hub-b", "mid", [Point("node-hub", 500), broken]);
        Assert.False(report.Ok);
        Assert.Equal("hub-node", report.GuiltyHop);
        Assert.Contains("peer-offline", report.Verdict, StringComparison.Ordinal);
    }

    [Fact]
    public void Nearer_point_that_looks_slower_costs_nothing_twice()
    {
        PathReport report = PathVerdict.Judge("b", "mid", [Point("node-hub", 20), Point("hub-node", 18), Point("tunnel", 30)]);
        Assert.Equal([20, 0, 10], report.Points.Select(p => p.HopMilliseconds));
        Assert.Equal(1.0, report.Points.Sum(p => p.Share!.Value), 2);
    }

    [Theory]
    [InlineData(0.1, 0.3, "No hop is slow")]
    [InlineData(30, 60, "node-hub")]
    public void Verdict_names_a_hop_only_when_time_is_lost(double hub, double node, string expected) =>
        Assert.StartsWith(expected, PathVerdict.Judge("b", "mid", [Point("node-hub", hub), Point("hub-node", node)]).Verdict, StringComparison.Ordinal);

    [Fact]
    public void Latency_is_by_nearest_rank()
    {
        Latency latency = Latency.Of([.. Enumerable.Range(1, 12).Select(i => TimeSpan.FromMilliseconds(i))]);
        Assert.Equal(new Latency(1, 6, 12, 12), latency);
    }

    [Fact]
    public async Task Probe_echoes_whole_blocks()
    {
        await using Wire wire = new();
        Assert.Equal(MuxResetReason.None, wire.Service.Authorize(s_peer, ProbeService.Name));
        Task serving = wire.Service.ServeAsync(wire.Served, ProbeService.Name);
        await wire.Near.Output.WriteAsync("E0123456789"u8.ToArray(), TestContext.Current.CancellationToken);
        ReadResult read = await wire.Near.Input.ReadAtLeastAsync(8, TestContext.Current.CancellationToken);
        Assert.Equal("01234567"u8.ToArray(), read.Buffer.FirstSpan.ToArray());
        wire.Near.Input.AdvanceTo(read.Buffer.End);
        await wire.Near.Output.WriteAsync("abcdef"u8.ToArray(), TestContext.Current.CancellationToken);
        read = await wire.Near.Input.ReadAtLeastAsync(8, TestContext.Current.CancellationToken);
        Assert.Equal("89abcdef"u8.ToArray(), read.Buffer.FirstSpan.ToArray());
        await wire.Near.Output.CompleteAsync();
        await serving;
    }

    [Fact]
    public async Task Probe_confirms_what_it_swallowed()
    {
        await using Wire wire = new();
        Assert.Equal(MuxResetReason.None, wire.Service.Authorize(s_peer, ProbeService.Name));
        Task serving = wire.Service.ServeAsync(wire.Served, ProbeService.Name);
        await wire.Near.Output.WriteAsync("D"u8.ToArray().Concat(new byte[100_000]).ToArray(), TestContext.Current.CancellationToken);
        await wire.Near.Output.CompleteAsync();
        ReadResult read = await wire.Near.Input.ReadAtLeastAsync(8, TestContext.Current.CancellationToken);
        Assert.Equal(ProbeService.BlockBytes, read.Buffer.Length);
        await serving;
    }

    [Fact]
    public async Task Probe_that_stalls_is_ended()
    {
        await using Wire wire = new();
        Assert.Equal(MuxResetReason.None, wire.Service.Authorize(s_peer, ProbeService.Name));
        Task serving = wire.Service.ServeAsync(wire.Served, ProbeService.Name);
        wire.Time.Advance(TimeSpan.FromSeconds(16));
        await serving;
    }

    [Fact]
    public async Task Probes_at_once_are_bounded_and_other_services_are_the_nodes_own()
    {
        await using Wire wire = new();
        // Authorised and then never served: the peer was gone first. That must cost no place.
        Assert.All(Enumerable.Range(0, 100), _ => Assert.Equal(MuxResetReason.None, wire.Service.Authorize(s_peer, ProbeService.Name)));
        Task[] serving = [.. Enumerable.Range(0, 4).Select(_ => wire.Service.ServeAsync(Stuck(), ProbeService.Name))];
        Assert.Equal(MuxResetReason.TooManyConnections, wire.Service.Authorize(s_peer, ProbeService.Name));
        // Authorised in time and served too late.
        Assert.True(wire.Service.ServeAsync(Stuck(), ProbeService.Name).IsCompletedSuccessfully);
        wire.Time.Advance(TimeSpan.FromSeconds(16));
        await Task.WhenAll(serving);
        Assert.Equal(MuxResetReason.None, wire.Service.Authorize(s_peer, ProbeService.Name));
        Assert.Equal(MuxResetReason.Denied, wire.Service.Authorize(s_peer, "psi"));

        static DefaultConnectionContext Stuck() => new("probe") { Transport = new Duplex(new Pipe().Reader, new Pipe().Writer) };
    }

    private static PathPoint Point(string hop, double milliseconds) =>
        new(hop, "x", new Latency(milliseconds, milliseconds, milliseconds, 12), null, null, null);

    private sealed class Refuser : IStreamAcceptor
    {
        public MuxResetReason Authorize(Mid peerMid, string service) => MuxResetReason.Denied;

        public Task ServeAsync(ConnectionContext connection, string service) => throw new InvalidOperationException("never accepted");
    }

    /// <summary>A connection in memory with the probe service at its far end.</summary>
    private sealed class Wire : IAsyncDisposable
    {
        private readonly Pipe _there = new(new PipeOptions(pauseWriterThreshold: 0)), _back = new(new PipeOptions(pauseWriterThreshold: 0));

        public Wire()
        {
            Service = new ProbeService(new Refuser(), Time);
            Near = new Duplex(_back.Reader, _there.Writer);
            Served = new DefaultConnectionContext("probe") { Transport = new Duplex(_there.Reader, _back.Writer) };
        }

        public FakeTimeProvider Time { get; } = new();

        public ProbeService Service { get; }

        public Duplex Near { get; }

        public ConnectionContext Served { get; }

        public ValueTask DisposeAsync() => Served.DisposeAsync();
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
