using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Tunnel.Security;
using Qanat.Wire;

namespace Qanat.Tunnel.Tests.Endpoint;

/// <summary>A tunnel endpoint on a fake network that serves <c>echo</c> and refuses everything else.</summary>
internal sealed class EndpointNode : IStreamAcceptor, IAsyncDisposable
{
    public EndpointNode(FakeNetwork network, string name, FakeHub[] hubs, Func<TunnelOptions, TunnelOptions>? change = null, TimeProvider? time = null)
    {
        network.Names[name] = Identity.Mid;
        Endpoint = Start([.. hubs.Select(hub => hub.Address)], new FakeConnector(Identity.Mid, hubs), change, time);
    }

    /// <summary>A node that dials real hubs.</summary>
    public EndpointNode(FakeNetwork network, string name, HubAddress[] hubs)
    {
        network.Names[name] = Identity.Mid;
        Endpoint = Start(hubs, new HubConnector(new LinkDialer(Identity), new HubConnectorOptions()), null, null);
    }

    public NodeIdentity Identity { get; } = NodeIdentity.Create();
    public TunnelEndpoint Endpoint { get; }
    public int Served;

    /// <summary>Bytes that have come back to this node.</summary>
    public long Echoed => Interlocked.Read(ref _echoed);

    private long _echoed;

    public MuxResetReason Authorize(Mid peerMid, string service) => service == "echo" ? MuxResetReason.None : MuxResetReason.UnknownService;

    public async Task ServeAsync(ConnectionContext connection, string service)
    {
        Interlocked.Increment(ref Served);
        await connection.Transport.Input.CopyToAsync(connection.Transport.Output);
        await connection.Transport.Output.CompleteAsync();
    }

    /// <summary>Sends bytes to a peer's echo service, half-closes, and returns all that comes back.</summary>
    public async Task<byte[]> EchoAsync(string peer, byte[] bytes, string service = "echo")
    {
        await using ConnectionContext connection = await Endpoint.ConnectAsync(new QanatEndPoint(peer, service)).AsTask().WaitAsync(TimeSpan.FromSeconds(60));
        return await EchoAsync(connection, bytes, more => Interlocked.Add(ref _echoed, more));
    }

    public static async Task<byte[]> EchoAsync(ConnectionContext connection, byte[] bytes, Action<int>? progress = null)
    {
        Task write = WriteAsync(connection, bytes);
        ArrayBufferWriter<byte> got = new();
        while (true)
        {
            ReadResult result = await connection.Transport.Input.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(120));
            foreach (ReadOnlyMemory<byte> part in result.Buffer)
            {
                got.Write(part.Span);
            }
            int more = (int)result.Buffer.Length;
            connection.Transport.Input.AdvanceTo(result.Buffer.End);
            progress?.Invoke(more);
            if (result.IsCompleted)
            {
                break;
            }
        }
        await write;
        return got.WrittenSpan.ToArray();
    }

    public async ValueTask DisposeAsync()
    {
        await Endpoint.DisposeAsync();
        Identity.Dispose();
    }

    private TunnelEndpoint Start(HubAddress[] hubs, ILinkConnector connector, Func<TunnelOptions, TunnelOptions>? change, TimeProvider? time)
    {
        TimeSpan patient = TimeSpan.FromSeconds(60);
        TunnelOptions options = new()
        {
            Hubs = hubs,
            DrainTimeout = TimeSpan.FromMilliseconds(200),
            LinkWait = patient,
            ResolveTimeout = patient,
            LayerTwo = new LayerTwoOptions { HandshakeTimeout = patient },
            Links = new LinkSupervisorOptions { AttemptTimeout = patient },
        };
        TunnelEndpoint endpoint = new(change?.Invoke(options) ?? options, Identity, connector, time) { Acceptor = this };
        endpoint.StartAsync();
        return endpoint;
    }

    private static async Task WriteAsync(ConnectionContext connection, byte[] bytes)
    {
        for (int at = 0; at < bytes.Length; at += 50_000)
        {
            await connection.Transport.Output.WriteAsync(bytes.AsMemory(at, Math.Min(50_000, bytes.Length - at)));
        }
        await connection.Transport.Output.CompleteAsync();
    }
}
