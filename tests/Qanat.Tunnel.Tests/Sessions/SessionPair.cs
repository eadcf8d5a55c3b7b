using System.Net.Security;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Qanat.Testing;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Security;
using Qanat.Tunnel.Sessions;
using Qanat.Wire;
using Qanat.Wire.Sessions;

namespace Qanat.Tunnel.Tests.Sessions;

/// <summary>Two session tables, joined by in-memory links that can be cut and replaced.</summary>
internal sealed class SessionPair : IAsyncDisposable
{
    private readonly List<InMemoryLinkPair> _links = [];

    public SessionPair(TimeProvider? time = null, SessionSettings? settings = null)
    {
        Time = time ?? TimeProvider.System;
        Settings = settings ?? new SessionSettings();
        A = new Node(this);
        B = new Node(this);
    }

    public TimeProvider Time { get; }
    public SessionSettings Settings { get; }
    public Node A { get; }
    public Node B { get; }
    public InMemoryLinkPair Link => _links[^1];

    public InMemoryLinkPair Connect(FrameFault? fault = null)
    {
        InMemoryLinkPair link = new(A.Identity.Mid, B.Identity.Mid, fault: fault);
        _links.Add(link);
        A.Table.Attach(link.Left);
        B.Table.Attach(link.Right);
        return link;
    }

    public async Task<(SessionStream FromA, SessionStream FromB)> OpenAsync()
    {
        SessionStream a = A.Table.Open(B.Identity.Mid);
        SessionStream b = await B.NextAsync();
        await Until.TrueAsync(() => a.GetStatus().Phase == SessionPhase.Established);
        return (a, b);
    }

    public async Task<(SslStream FromA, SslStream FromB)> SecureAsync()
    {
        SessionStream a = A.Table.Open(B.Identity.Mid);
        Task<SslStream> client = A.LayerTwo.SecureAsync(a, CancellationToken.None);
        Task<SslStream> server = B.LayerTwo.SecureAsync(await B.NextAsync(), CancellationToken.None);
        return (await client, await server);
    }

    public async ValueTask DisposeAsync()
    {
        A.Table.Dispose();
        B.Table.Dispose();
        foreach (InMemoryLinkPair link in _links)
        {
            await link.DisposeAsync();
        }
        A.Identity.Dispose();
        B.Identity.Dispose();
    }

    internal sealed class Node
    {
        private readonly Channel<SessionStream> _accepted = Channel.CreateUnbounded<SessionStream>();

        public Node(SessionPair pair)
        {
            Identity = NodeIdentity.Create();
            Memory = new SessionMemory(256 << 20);
            Table = new SessionTable(Identity.Mid, pair.Settings, Memory, pair.Time, new SessionMetrics(), NullLogger.Instance)
            {
                Admit = _ => FrameReason.None,
                Accepted = stream => _accepted.Writer.TryWrite(stream),
            };
            LayerTwo = new LayerTwo(Identity, new LayerTwoOptions(), pair.Time);
        }

        public NodeIdentity Identity { get; }
        public SessionMemory Memory { get; }
        public SessionTable Table { get; }
        public LayerTwo LayerTwo { get; }

        public ValueTask<SessionStream> NextAsync() => _accepted.Reader.ReadAsync(new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token);
    }
}
