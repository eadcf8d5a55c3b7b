using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Qanat.Client.Participants;
using Qanat.Tunnel;
using Qanat.Tunnel.Mux;
using Qanat.Wire;

namespace Qanat.Client.Tests;

/// <summary>Participants joined by real multiplexers over loopback sockets, without hubs and without TLS.</summary>
internal sealed class MemoryNetwork
{
    private readonly ConcurrentDictionary<string, Member> _members = new();

    /// <summary>How often a name was asked for.</summary>
    internal ConcurrentDictionary<string, int> Lookups { get; } = new();

    internal Member Join(string name, IStreamAcceptor? acceptor)
    {
        Member member = new(this, name, acceptor);
        _members[name] = member;
        return member;
    }

    /// <summary>Another program takes the name over.</summary>
    internal void Rename(string from, string to)
    {
        _members.TryRemove(from, out Member? member);
        _members[to] = member!;
    }

    internal sealed class Member(MemoryNetwork network, string name, IStreamAcceptor? acceptor) : IParticipantTransport
    {
        private readonly ConcurrentDictionary<string, Task<MuxSession>> _tunnels = new();
        private readonly ConcurrentBag<MuxSession> _sessions = [];

        public Mid Mid { get; } = Mid.FromSubjectPublicKeyInfo(System.Text.Encoding.ASCII.GetBytes(Guid.NewGuid().ToString()));

        public bool IsStarted { get; private set; }

        public bool IsDisposed { get; private set; }

        public (TunnelError Error, string Detail)? LastFailure { get; set; }

        /// <summary>When set, nothing gets through until it completes.</summary>
        public Task Hub { get; set; } = Task.CompletedTask;

        public void Start() => IsStarted = true;

        public Task WaitForHubAsync(CancellationToken cancellationToken) => Hub.WaitAsync(cancellationToken);

        public async ValueTask<ConnectionContext> ConnectAsync(QanatEndPoint target, CancellationToken cancellationToken)
        {
            await Hub.WaitAsync(cancellationToken);
            Member peer = network.Find(target.Participant);
            MuxSession tunnel = await _tunnels.GetOrAdd(target.Participant, _ => TunnelAsync(peer));
            return tunnel.Open(target.Service);
        }

        public async ValueTask<Mid> ResolveAsync(string participant, CancellationToken cancellationToken)
        {
            network.Lookups.AddOrUpdate(participant, 1, (_, n) => n + 1);
            await Hub.WaitAsync(cancellationToken);
            return network.Find(participant).Mid;
        }

        public async ValueTask DisposeAsync()
        {
            IsDisposed = true;
            foreach (MuxSession session in _sessions)
            {
                // As the endpoint does: in order, for a bounded time.
                using CancellationTokenSource drain = new(TimeSpan.FromSeconds(5));
                await session.GoAwayAsync(drain.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                await session.DisposeAsync();
            }
        }

        private async Task<MuxSession> TunnelAsync(Member peer)
        {
            using Socket listener = new(SocketType.Stream, ProtocolType.Tcp);
            listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            listener.Listen();
            Socket near = new(SocketType.Stream, ProtocolType.Tcp);
            await near.ConnectAsync(listener.LocalEndPoint!);
            Socket far = await listener.AcceptAsync();
            MuxSession mine = new(new NetworkStream(near, true), true, MuxOptions.Default, peer.Mid, peer.Name, acceptor);
            MuxSession theirs = new(new NetworkStream(far, true), false, MuxOptions.Default, Mid, name, peer.Acceptor);
            _sessions.Add(mine);
            peer._sessions.Add(theirs);
            mine.Start();
            theirs.Start();
            return mine;
        }

        private string Name => name;

        private IStreamAcceptor? Acceptor => acceptor;
    }

    private Member Find(string participant) =>
        _members.TryGetValue(participant, out Member? member) ? member
        : throw new TunnelException(TunnelError.UnknownParticipant, $"There is no participant '{participant}'.");
}
