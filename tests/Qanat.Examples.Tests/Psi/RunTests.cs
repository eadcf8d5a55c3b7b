using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Psi.Client;
using Psi.Data;
using Psi.Protocol;

namespace Qanat.Examples.Tests.Psi;

public sealed class RunTests
{
    [Theory]
    [InlineData(500, 500, 0, 100, false)]
    [InlineData(500, 500, 500, 100, false)]
    [InlineData(501, 501, 137, 10, false)]
    [InlineData(200, 200, 61, 7, true)]
    [InlineData(1, 1, 1, 1, false)]
    [InlineData(30, 900, 20, 8192, false)]
    [InlineData(900, 30, 20, 100, false)]
    public async Task Both_directions_give_the_truth(int idsA, int idsB, int overlap, int batch, bool connectionClose)
    {
        Records a = Records.Generate(Party.A, idsA, overlap, 9);
        Records b = Records.Generate(Party.B, idsB, overlap, 9);
        Truth truth = Truth.Of(a, b);
        foreach ((Records asking, Records serving, long sum) in new[] { (a, b, truth.SumB), (b, a, truth.SumA) })
        {
            await using PsiHost host = await PsiHost.StartAsync(serving);
            RunResult result = await new PsiClient(asking, host.Options(batch) with { ConnectionClose = connectionClose }).RunAsync(default);
            Assert.Null(result.Error);
            Assert.Equal((truth.Size, sum, asking.Count, serving.Count), (result.Size, result.Sum, result.Ids, result.ServerIds));
            Batches mine = new(asking.Count, batch);
            Batches theirs = new(serving.Count, batch);
            Assert.Equal((2 * mine.Count) + theirs.Count + 3, result.Requests);
            Assert.Equal((0, 0), (result.FailedRequests, result.Retries));
        }
    }

    [Fact]
    public async Task Shipped_tables_give_the_truth()
    {
        Records a = Records.Load(RecordsTests.Shipped("births-a.csv"));
        Records b = Records.Load(RecordsTests.Shipped("births-b.csv"));
        await using PsiHost host = await PsiHost.StartAsync(b);
        RunResult result = await new PsiClient(a, host.Options(500)).RunAsync(default);
        Assert.Equal((true, 2421, 23_393_142L), (result.Ok, result.Size, result.Sum));
        Assert.Equal(Truth.Of(a, b).SumB, result.Sum);
    }

    [Fact]
    public async Task Nothing_on_the_wire_holds_an_id_and_no_run_repeats_another()
    {
        Records a = Records.Generate(Party.A, 100, 40, 3);
        await using PsiHost host = await PsiHost.StartAsync(Records.Generate(Party.B, 100, 40, 3));
        Tape first = new();
        Tape second = new();
        Assert.True((await new PsiClient(a, host.Options(), first).RunAsync(default)).Ok);
        Assert.True((await new PsiClient(a, host.Options(), second).RunAsync(default)).Ok);
        string wire = string.Concat(first.Bodies.Select(b => Encoding.Latin1.GetString(b)));
        Assert.DoesNotContain(a.Ids, id => wire.Contains(id, StringComparison.Ordinal));
        HashSet<string> points = [.. Points(first)];
        Assert.True(points.Count > 500);
        Assert.DoesNotContain(Points(second), points.Contains);
    }

    [Fact]
    public async Task Failed_requests_are_counted_and_tried_again()
    {
        Records a = Records.Generate(Party.A, 100, 40, 3);
        Records b = Records.Generate(Party.B, 100, 40, 3);
        await using PsiHost host = await PsiHost.StartAsync(b);
        LossyHandler lossy = new();
        RunResult result = await new PsiClient(a, host.Options(), lossy).RunAsync(default);
        Assert.Null(result.Error);
        Assert.Equal((40, Truth.Of(a, b).SumB), (result.Size, result.Sum));
        // Every path loses its first request or its first answer, in turn.
        Assert.Equal(9, lossy.Paths);
        Assert.Equal((9, 9), (result.FailedRequests, result.Retries));
        Assert.Equal(18, result.Requests);
    }

    [Fact]
    public async Task A_changed_answer_ends_the_run()
    {
        await using PsiHost host = await PsiHost.StartAsync(Records.Generate(Party.B, 100, 40, 3));
        RunResult result = await new PsiClient(Records.Generate(Party.A, 100, 40, 3), host.Options() with { Retries = 0 }, new FlippingHandler()).RunAsync(default);
        Assert.False(result.Ok);
        Assert.Contains("Content-Digest", result.Error, StringComparison.Ordinal);
        Assert.Equal((0, 0L), (result.Size, result.Sum));
    }

    [Fact]
    public async Task No_server_is_a_result_not_an_exception()
    {
        Uri gone = new($"http://127.0.0.1:{TestPorts.Take()}/");
        RunResult result = await new PsiClient(Records.Generate(Party.A, 10, 4, 3), new RunOptions { Server = gone, Retries = 0 }).RunAsync(default);
        Assert.False(result.Ok);
        Assert.Equal((1, 1), (result.Requests, result.FailedRequests));
    }

    private static IEnumerable<string> Points(Tape tape) =>
        tape.Bodies.Where(body => body.Length % 32 == 0).SelectMany(body => body.Chunk(32)).Select(Convert.ToHexString);

    /// <summary>Keeps every body, both ways.</summary>
    private sealed class Tape() : DelegatingHandler(new SocketsHttpHandler())
    {
        internal ConcurrentBag<byte[]> Bodies { get; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.Content is not null)
            {
                Bodies.Add(await request.Content.ReadAsByteArrayAsync(cancellationToken));
            }
            HttpResponseMessage response = await base.SendAsync(request, cancellationToken);
            await response.Content.LoadIntoBufferAsync(cancellationToken);
            Bodies.Add(await response.Content.ReadAsByteArrayAsync(cancellationToken));
            return response;
        }
    }

    /// <summary>Loses the first request to every other path before the server saw it, and to the rest after it has answered.</summary>
    private sealed class LossyHandler() : DelegatingHandler(new SocketsHttpHandler())
    {
        private readonly ConcurrentDictionary<string, bool> _seen = new();

        internal int Paths => _seen.Count;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (!_seen.TryAdd(request.Method + request.RequestUri!.AbsolutePath, true))
            {
                return await base.SendAsync(request, cancellationToken);
            }
            if (_seen.Count % 2 == 0)
            {
                using HttpResponseMessage lost = await base.SendAsync(request, cancellationToken);
            }
            throw new HttpRequestException("Lost.", null, HttpStatusCode.BadGateway);
        }
    }

    /// <summary>Flips one bit of each binary answer.</summary>
    private sealed class FlippingHandler() : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            HttpResponseMessage response = await base.SendAsync(request, cancellationToken);
            if (response.Content.Headers.ContentType?.MediaType == "application/octet-stream")
            {
                byte[] body = await response.Content.ReadAsByteArrayAsync(cancellationToken);
                body[body.Length / 2] ^= 1;
                response.Content = new ByteArrayContent(body);
            }
            return response;
        }
    }
}
