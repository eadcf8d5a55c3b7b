using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Connections;
using Qanat.Node.Proxy;
using Qanat.Tunnel;
using Qanat.Tunnel.Access;
using Qanat.Wire;

namespace Qanat.Node.Tests.Fakes;

/// <summary>A participant of a <see cref="FakeNetwork"/>.</summary>
internal sealed class FakeMember(FakeNetwork network, string name) : ITunnelDialer
{
    public string Name => name;

    public Mid Mid { get; init; } = Mid.Read(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(name)));

    public IStreamAcceptor? Acceptor { get; set; }

    /// <summary>Target ends of the connections that were opened to this member.</summary>
    public ConcurrentQueue<FakeConnection> Accepted { get; } = new();

    /// <summary>Set to make dialing this member fail.</summary>
    public TunnelException? DialError { get; set; }

    public ValueTask<ConnectionContext> ConnectAsync(QanatEndPoint target, CancellationToken cancellationToken) => network.ConnectAsync(this, target, cancellationToken);
}

/// <summary>Joins dialers and acceptors in memory, the way the tunnel does: optimistic opens, typed refusals.</summary>
internal sealed class FakeNetwork : IPeerDirectory
{
    private readonly ConcurrentDictionary<string, FakeMember> _members = new();

    public Task? Resolving { get; set; }

    public FakeMember Add(string name) => _members[name] = new FakeMember(this, name);

    public async ValueTask<Mid> ResolveAsync(string participant, CancellationToken cancellationToken)
    {
        if (Resolving is not null)
        {
            await Resolving.WaitAsync(cancellationToken);
        }
        return _members.TryGetValue(participant, out FakeMember? member) ? member.Mid : throw new TunnelException(TunnelError.UnknownParticipant, participant);
    }

    /// <summary>Gives a name to another mid, as an evil hub might.</summary>
    public void Rename(string name, FakeMember to) => _members[name] = to;

    public ValueTask<ConnectionContext> ConnectAsync(FakeMember from, QanatEndPoint target, CancellationToken cancellationToken)
    {
        if (!_members.TryGetValue(target.Participant, out FakeMember? member))
        {
            throw new TunnelException(TunnelError.UnknownParticipant, $"No participant '{target.Participant}'.");
        }
        if (member.DialError is { } error)
        {
            throw error;
        }
        if (member.Acceptor is not { } acceptor)
        {
            throw new TunnelException(TunnelError.PeerOffline, $"'{target.Participant}' is offline.");
        }
        (FakeConnection opener, FakeConnection accepted) = FakeConnection.Pair(from, member, target.Service);
        member.Accepted.Enqueue(accepted);
        ThreadPool.UnsafeQueueUserWorkItem(_ =>
        {
            MuxResetReason reason = acceptor.Authorize(from.Mid, target.Service);
            if (reason != MuxResetReason.None)
            {
                accepted.Reset(reason);
                return;
            }
            _ = ServeAsync(acceptor, accepted, target.Service);
        }, null);
        return ValueTask.FromResult<ConnectionContext>(opener);
    }

    private static async Task ServeAsync(IStreamAcceptor acceptor, FakeConnection accepted, string service)
    {
        await acceptor.ServeAsync(accepted, service);
        await accepted.DisposeAsync();
    }
}
