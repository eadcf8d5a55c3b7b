using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Qanat.E2E.Protos;

namespace Qanat.E2E.Harness;

/// <summary>
/// hospital-a at one hub, hospital-b at another, all real processes. hospital-b publishes a web server as <c>svc</c> and a gRPC server as <c>talk</c>.
/// One network for all tests of a class.
/// </summary>
public sealed class TwoHubPath : IAsyncLifetime
{
    private readonly TestNetwork _network = new();
    private readonly List<Backend> _backends = [];

    internal int ProxyPort { get; private set; }

    /// <summary>Mid of hospital-a, as its peers prove it.</summary>
    internal string CallerMid { get; private set; } = "";

    internal string Proxy => $"http://127.0.0.1:{ProxyPort}";

    internal string Folder => _network.Folder;

    public async ValueTask InitializeAsync()
    {
        Backend web = await Backend.StartAsync(WebPlatform.Map);
        Backend talk = await Backend.StartAsync(app => app.MapGrpcService<TalkService>(), HttpProtocols.Http2, services => services.AddGrpc());
        _backends.AddRange([web, talk]);
        await _network.AddHubsAsync("hub-a", "hub-b");
        await _network.StartHubsAsync();
        await _network.AddNodeAsync("hospital-b", [_network.Hubs["hub-b"]], [$"svc=http://127.0.0.1:{web.Port},hospital-a", $"talk=h2c://127.0.0.1:{talk.Port},hospital-a"]);
        TestNode caller = await _network.AddNodeAsync("hospital-a", [_network.Hubs["hub-a"]]);
        (ProxyPort, CallerMid) = (caller.ProxyPort, caller.Mid);
    }

    /// <summary>Sends every request straight to the node's port, in origin form or HTTP/2 with prior knowledge: no proxy protocol.</summary>
    internal SocketsHttpHandler DirectHandler() => new()
    {
        UseProxy = false,
        ConnectCallback = async (_, cancellationToken) =>
        {
            Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(IPAddress.Loopback, ProxyPort, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        },
    };

    /// <summary>The end of every process's log, for the message of a failed test.</summary>
    internal string Logs() => _network.Logs();

    public async ValueTask DisposeAsync()
    {
        await _network.DisposeAsync();
        foreach (Backend backend in _backends)
        {
            await backend.DisposeAsync();
        }
    }

    private sealed class TalkService : Talk.TalkBase
    {
        public override Task<Line> Say(Line request, ServerCallContext context)
        {
            context.ResponseTrailers.Add("caller", context.RequestHeaders.GetValue("qanat-peer-mid") ?? "nobody");
            return Task.FromResult(request);
        }

        public override Task<Line> Refuse(Line request, ServerCallContext context) => throw new RpcException(new Status(StatusCode.FailedPrecondition, request.Text));

        public override async Task Chat(IAsyncStreamReader<Line> requestStream, IServerStreamWriter<Line> responseStream, ServerCallContext context)
        {
            await foreach (Line line in requestStream.ReadAllAsync(context.CancellationToken))
            {
                await responseStream.WriteAsync(line);
            }
        }
    }
}
