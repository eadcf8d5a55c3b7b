using Microsoft.AspNetCore.Connections;
using Qanat.Tunnel.Mux;
using Qanat.Wire;

namespace Qanat.Tunnel.Tests.Mux;

/// <summary>Acceptor made of two delegates.</summary>
internal sealed class Acceptor(Func<ConnectionContext, Task> serve, Func<string, MuxResetReason>? authorize = null) : IStreamAcceptor
{
    public MuxResetReason Authorize(Mid peerMid, string service) => authorize?.Invoke(service) ?? MuxResetReason.None;

    public Task ServeAsync(ConnectionContext connection, string service) => serve(connection);

    /// <summary>Sends back what comes, ends when the peer ends.</summary>
    public static Acceptor Echo { get; } = new(async connection =>
    {
        await connection.Transport.Input.CopyToAsync(connection.Transport.Output);
        await connection.Transport.Output.CompleteAsync();
    });
}

/// <summary>Two joined sessions.</summary>
internal sealed class MuxPair : IAsyncDisposable
{
    public static readonly Mid ClientMid = Mid.FromSubjectPublicKeyInfo([1]);
    public static readonly Mid ServerMid = Mid.FromSubjectPublicKeyInfo([2]);

    public MuxPair(
        IStreamAcceptor? server = null, IStreamAcceptor? client = null, MuxOptions? options = null, MuxOptions? serverOptions = null,
        int buffer = 1 << 20, int? cutSeed = null, TimeProvider? time = null, uint alreadyOpened = 0)
    {
        (MemoryDuplex first, MemoryDuplex second) = MemoryDuplex.Create(buffer, cutSeed);
        options ??= MuxOptions.Default;
        Client = new MuxSession(first, true, options, ServerMid, "server", client, null, null, time, alreadyOpened);
        Server = new MuxSession(second, false, serverOptions ?? options, ClientMid, "client", server, null, null, time, alreadyOpened);
        Client.Start();
        Server.Start();
    }

    public MuxSession Client { get; }

    public MuxSession Server { get; }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await Server.DisposeAsync();
    }
}
