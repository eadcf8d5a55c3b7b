using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qanat.Node.Diagnostics;
using Qanat.Node.Options;
using Qanat.Node.Proxy;
using Qanat.Node.Services;
using Qanat.Tunnel.Access;
using Yarp.ReverseProxy.Forwarder;

namespace Qanat.Node.Tests.Fakes;

/// <summary>Node A's proxy and node B's services, joined in memory.</summary>
internal sealed class NodePair : IAsyncDisposable
{
    private readonly ServiceProvider _provider;

    private NodePair(ServiceProvider provider) => _provider = provider;

    public FakeNetwork Network { get; } = new();

    public FakeMember A { get; private set; } = null!;

    public FakeMember B { get; private set; } = null!;

    public ProxyServer Proxy { get; private set; } = null!;

    public ServiceCatalog Catalog { get; private set; } = null!;

    public ServiceAcceptor Acceptor { get; private set; } = null!;

    public PeerPins Pins { get; private set; } = null!;

    public NodeOptions Options { get; private set; } = null!;

    public TunnelConnector Connector { get; private set; } = null!;

    public int Port => Proxy.EndPoint!.Port;

    public static async Task<NodePair> StartAsync(Action<NodeOptions> configure, TimeProvider? time = null, string? pinFile = null)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddHttpForwarder();
        var pair = new NodePair(services.BuildServiceProvider());
        pair.A = pair.Network.Add("alice");
        pair.B = pair.Network.Add("bob");
        pair.Options = new NodeOptions { Identity = "unused", Proxy = { Listen = "127.0.0.1:0" } };
        configure(pair.Options);
        Assert.DoesNotContain(NodeOptionsValidator.Check(pair.Options), e => e.Key != "hubs");
        time ??= TimeProvider.System;
        ILoggerFactory loggers = NullLoggerFactory.Instance;
        var metrics = new NodeMetrics(null);
        var forwarder = pair._provider.GetRequiredService<IHttpForwarder>();
        pair.Pins = new PeerPins(pair.Network, pinFile, time, NullLogger.Instance);
        pair.Catalog = new ServiceCatalog(pair.Pins, time);
        pair.Catalog.Apply(pair.Options);
        pair.Acceptor = new ServiceAcceptor(pair.Catalog, new PeerLimiter(time), forwarder, "qanat-bob-service", time, metrics, loggers);
        await pair.Acceptor.StartAsync(CancellationToken.None);
        pair.B.Acceptor = pair.Acceptor;
        ProxyOptions proxy = pair.Options.Proxy;
        var connector = new TunnelConnector(pair.A, new RefusalWatch(TimeSpan.FromMilliseconds(proxy.RefusalWaitMilliseconds), time), () => TimeSpan.FromSeconds(proxy.ConnectSeconds), time, metrics, NullLogger.Instance);
        pair.Connector = connector;
        pair.Proxy = new ProxyServer(proxy, connector, forwarder, "qanat-alice-proxy", time, metrics, loggers);
        await pair.Proxy.StartAsync(CancellationToken.None);
        return pair;
    }

    /// <summary>One service <c>echo</c> at bob that everyone may use.</summary>
    public static Task<NodePair> StartAsync(Backend backend, string scheme = "http", TimeProvider? time = null) =>
        StartAsync(o => o.Services["echo"] = new ServiceOptions { Target = $"{scheme}://127.0.0.1:{backend.Port}", Allow = ["*"] }, time);

    /// <summary>An HTTP client that uses the proxy as a platform would.</summary>
    public HttpClient CreateClient() => new(new SocketsHttpHandler { UseProxy = true, Proxy = new WebProxy($"http://127.0.0.1:{Port}") }) { Timeout = TimeSpan.FromSeconds(120) };

    /// <summary>A raw connection to the proxy port.</summary>
    public async Task<RawClient> ConnectRawAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, Port);
        return new RawClient(socket);
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await Proxy.StopAsync(now.Token);
        await Acceptor.StopAsync(now.Token);
        await Proxy.DisposeAsync();
        await Acceptor.DisposeAsync();
        Catalog.Dispose();
        await _provider.DisposeAsync();
    }
}

/// <summary>A socket with text helpers; every wait is bounded.</summary>
internal sealed class RawClient(Socket socket) : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    public Socket Socket => socket;

    public async Task SendAsync(string text) => await SendAsync(Encoding.Latin1.GetBytes(text));

    public async Task SendAsync(byte[] bytes)
    {
        using var limit = new CancellationTokenSource(s_limit);
        await socket.SendAsync(bytes, SocketFlags.None, limit.Token);
    }

    /// <summary>Reads until <paramref name="end"/> has been seen.</summary>
    public async Task<string> ReadUntilAsync(string end)
    {
        var text = new StringBuilder();
        byte[] one = new byte[1];
        using var limit = new CancellationTokenSource(s_limit);
        while (!text.ToString().EndsWith(end, StringComparison.Ordinal))
        {
            if (await socket.ReceiveAsync(one, SocketFlags.None, limit.Token) == 0)
            {
                throw new EndOfStreamException($"Connection ended after: {text}");
            }
            text.Append((char)one[0]);
        }
        return text.ToString();
    }

    /// <summary>Ends what this side sends. The other side may have closed or reset the connection by then: that is for the reader to see.</summary>
    public void EndSending()
    {
        try
        {
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.NotConnected or SocketError.ConnectionReset or SocketError.Shutdown)
        {
        }
    }

    public async Task<byte[]> ReadExactlyAsync(int count)
    {
        byte[] bytes = new byte[count];
        using var limit = new CancellationTokenSource(s_limit);
        for (int done = 0; done < count;)
        {
            int read = await socket.ReceiveAsync(bytes.AsMemory(done), SocketFlags.None, limit.Token);
            done += read > 0 ? read : throw new EndOfStreamException($"Connection ended after {done} of {count} bytes.");
        }
        return bytes;
    }

    /// <summary>Reads to the end of the stream; a reset throws <see cref="SocketException"/>.</summary>
    public async Task<string> ReadToEndAsync()
    {
        var text = new StringBuilder();
        byte[] block = new byte[4096];
        using var limit = new CancellationTokenSource(s_limit);
        while (true)
        {
            int read = await socket.ReceiveAsync(block, SocketFlags.None, limit.Token);
            if (read == 0)
            {
                return text.ToString();
            }
            text.Append(Encoding.Latin1.GetString(block, 0, read));
        }
    }

    public void Dispose() => socket.Dispose();
}
