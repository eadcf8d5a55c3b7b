using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Qanat.Hub.Membership;
using Qanat.Hub.Mesh;
using Qanat.Hub.Quotas;
using Qanat.Hub.Routing;
using Qanat.Testing;
using Qanat.Tunnel;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Wire.Control;
using Qanat.Wire.Handshake;

namespace Qanat.Hub.Tests.Mesh;

/// <summary>Several hubs in one process, joined by in-memory links; hubs can be killed, cut off and brought back.</summary>
internal sealed class MeshWorld : IAsyncDisposable
{
    private readonly Dictionary<string, TestHub> _hubs = [];

    public ConcurrentDictionary<(string From, string To), bool> Cut { get; } = new();

    public int Dials;

    /// <summary>Holds every dial until released: for simultaneous ones.</summary>
    public Barrier? DialBarrier { get; set; }

    public TestHub this[string name] => _hubs[name];

    public static MeshWorld Create(params string[] names) => Create(TimeProvider.System, names);

    /// <summary>Hubs that live by a clock of the test's own.</summary>
    public static MeshWorld Create(TimeProvider time, params string[] names)
    {
        MeshWorld world = new();
        foreach (string name in names)
        {
            world._hubs[name] = new TestHub(world, name) { Time = time };
        }
        foreach (TestHub hub in world._hubs.Values)
        {
            hub.Start();
            hub.Trust(names);
        }
        return world;
    }

    public TestHub Add(string name, bool acceptIntroduced, params string[] peers)
    {
        TestHub hub = new(this, name) { AcceptIntroduced = acceptIntroduced };
        _hubs[name] = hub;
        hub.Start();
        hub.Trust(peers);
        return hub;
    }

    public async Task<Link> DialAsync(TestHub from, string to)
    {
        Interlocked.Increment(ref Dials);
        if (DialBarrier is { } barrier)
        {
            await Task.Run(() => barrier.SignalAndWait(TimeSpan.FromSeconds(60)));
        }
        TestHub? target = _hubs.GetValueOrDefault(to);
        if (target?.Core is null || Cut.ContainsKey((from.Name, to)) || Cut.ContainsKey((to, from.Name)))
        {
            throw new TunnelException(TunnelError.HubUnreachable, "connection refused");
        }
        InMemoryLinkPair pair = new(from.Identity.Mid, target.Identity.Mid, LinkRole.Hub, LinkRole.Hub, queueBytes: 4 << 20);
        from.Pairs.Add((to, pair));
        target.Pairs.Add((from.Name, pair));
        target.Core.Links.Register(pair.Right, initiatedHere: false);
        return pair.Left;
    }

    public void CutBetween(string a, string b)
    {
        Cut[(a, b)] = true;
        foreach ((string peer, InMemoryLinkPair pair) in _hubs[a].Pairs)
        {
            if (peer == b)
            {
                pair.Cut();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (TestHub hub in _hubs.Values)
        {
            await hub.DisposeAsync();
        }
    }
}

internal sealed class TestHub(MeshWorld world, string name) : IHubDialer, IAsyncDisposable
{
    private DirectoryStore? _store;
    private string[] _peers = [];

    public string Name => name;

    public string Folder { get; } = Directory.CreateTempSubdirectory("qanat-mesh-").FullName;

    public NodeIdentity Identity { get; } = NodeIdentity.Create();

    public ConcurrentBag<(string Peer, InMemoryLinkPair Pair)> Pairs { get; } = [];

    public HubCore Core { get; private set; } = null!;

    public bool AcceptIntroduced { get; set; }

    public MemberQuotas Quotas { get; set; } = MemberQuotas.Unlimited;

    public TimeSpan TicketLifetime { get; init; } = TimeSpan.FromHours(1);

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public void Start()
    {
        _store = new DirectoryStore(Path.Combine(Folder, "hub.db"));
        Core = new HubCore(new HubCoreParts
        {
            Name = name,
            Identity = Identity,
            Store = _store,
            Dialer = this,
            Time = Time,
            Logger = NullLogger.Instance,
            DefaultQuotas = Quotas,
            TicketLifetime = TicketLifetime,
            ResolveDeadline = TimeSpan.FromSeconds(60),
        });
        Core.Advertise([$"ws://{name}"], [$"tcp://{name}"]);
        Trust(_peers);
    }

    public void Trust(params string[] peers)
    {
        _peers = peers;
        Core.ConfigurePeers([.. peers.Where(p => p != name).Select(p => (world[p].Identity.Mid, p, (string?)$"tcp://{p}"))], AcceptIntroduced);
    }

    /// <summary>As kill -9: every wire is cut and nothing is said.</summary>
    public void Kill()
    {
        Core = null!;
        foreach ((_, InMemoryLinkPair pair) in Pairs)
        {
            pair.Cut();
        }
        Pairs.Clear();
        _store!.Dispose();
    }

    public async Task<Link> DialAsync(KnownHub hub, string address, CancellationToken cancellationToken) => await world.DialAsync(this, address["tcp://".Length..]);

    public async ValueTask DisposeAsync()
    {
        if (Core is not null)
        {
            await Core.DisposeAsync();
            _store!.Dispose();
        }
        Identity.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}

/// <summary>A member with a real key that attaches to hubs and keeps what it receives.</summary>
internal sealed class TestMember(string name) : ILinkHandler
{
    private readonly Channel<(FrameHeader Header, byte[] Payload)> _received = Channel.CreateUnbounded<(FrameHeader, byte[])>();
    private ulong _time = 1_000_000;

    public NodeIdentity Identity { get; } = NodeIdentity.Create();

    public Mid Mid => Identity.Mid;

    public byte[]? Ticket { get; set; }

    public Link Link { get; private set; } = null!;

    public InMemoryLinkPair Pair { get; private set; } = null!;

    public AdmissionResult Attach(TestHub hub, string? token = null, int queueBytes = 4 << 20, Action? admittedThen = null)
    {
        AdmissionResult admitted = hub.Core.Admission.Admit(new AdmissionRequest
        {
            Mid = Mid,
            SubjectPublicKeyInfo = Identity.SubjectPublicKeyInfo.ToArray(),
            TokenId = token,
            ProvesToken = _ => true,
            RequestedName = name,
            Ticket = Ticket,
        });
        if (admitted.Refusal != LinkRefusal.None)
        {
            return admitted;
        }
        admittedThen?.Invoke();
        ulong time = ++_time;
        byte[] signature = Identity.Sign(LinkTranscript.AttachmentStatement(Mid, hub.Identity.Mid, time));
        Pair = new InMemoryLinkPair(Mid, hub.Identity.Mid, LinkRole.Node, LinkRole.Hub, queueBytes: queueBytes);
        hub.Pairs.Add((name, Pair));
        Link = Pair.Left;
        Link.Start(this, null);
        hub.Core.AttachMember(Pair.Right, admitted, new Attachment(Mid, hub.Identity.Mid, admitted.FullName, Identity.SubjectPublicKeyInfo.ToArray(), (long)time, signature));
        Ticket = hub.Core.IssueTicket(Mid) ?? Ticket;
        return admitted;
    }

    public AdmissionResult Enrol(TestHub hub) => Attach(hub, hub.Core.Directory.CreateToken(name, TimeSpan.FromHours(1)).Token.Id);

    public void Send(FrameType type, Mid to, ulong session = 1, byte[]? payload = null) =>
        Link.TrySend(new FrameHeader(type, FrameReason.None, 0, Mid, to, session, 0), payload ?? (type == FrameType.Data ? [1] : []));

    /// <summary>The next frame of a type; others are passed over.</summary>
    public async Task<(FrameHeader Header, byte[] Payload)> NextAsync(params FrameType[] types)
    {
        using CancellationTokenSource timeout = new(TimeSpan.FromSeconds(60));
        while (true)
        {
            (FrameHeader Header, byte[] Payload) frame = await _received.Reader.ReadAsync(timeout.Token);
            if (types.Contains(frame.Header.Type))
            {
                return frame;
            }
        }
    }

    public async Task<ResolveAnswer> ResolveAsync(string target)
    {
        Send(FrameType.Resolve, Link.PeerMid, 42, new ResolveQuery(target, Mid.None).Encode());
        (_, byte[] payload) = await NextAsync(FrameType.Resolved);
        Assert.True(ResolveAnswer.TryDecode(payload, out ResolveAnswer answer));
        return answer;
    }

    public async Task<ResolveAnswer> ResolveAsync(Mid target)
    {
        Send(FrameType.Resolve, Link.PeerMid, 42, new ResolveQuery(null, target).Encode());
        (_, byte[] payload) = await NextAsync(FrameType.Resolved);
        Assert.True(ResolveAnswer.TryDecode(payload, out ResolveAnswer answer));
        return answer;
    }

    /// <summary>Sends OPENs, as a session would, until one arrives there.</summary>
    public async Task ReachAsync(TestMember other, ulong session)
    {
        using CancellationTokenSource timeout = new(TimeSpan.FromSeconds(60));
        while (true)
        {
            Send(FrameType.Resume, other.Mid, session, new byte[9]);
            while (other._received.Reader.TryRead(out (FrameHeader Header, byte[] Payload) frame))
            {
                if (frame.Header.Source == Mid && frame.Header.SessionId == session)
                {
                    return;
                }
            }
            await Task.Delay(10, timeout.Token);
        }
    }

    /// <summary>Tries, as a session would, until it is told that the other cannot be reached for this reason (any when None).</summary>
    public async Task ToldAsync(Mid other, FrameReason reason = FrameReason.None)
    {
        using CancellationTokenSource timeout = new(TimeSpan.FromSeconds(60));
        for (ulong session = 1000; ; session++)
        {
            Send(FrameType.Resume, other, session, new byte[9]);
            while (_received.Reader.TryRead(out (FrameHeader Header, byte[] Payload) frame))
            {
                if (frame.Header.Type == FrameType.Unreachable && frame.Header.Source == other && (reason == FrameReason.None || frame.Header.Reason == reason))
                {
                    return;
                }
            }
            await Task.Delay(10, timeout.Token);
        }
    }

    void ILinkHandler.OnFrame(Link link, in FrameHeader header, ReadOnlySpan<byte> payload) => _received.Writer.TryWrite((header, payload.ToArray()));

    ValueTask ILinkHandler.OnBatchAsync(Link link, int wireBytes) => ValueTask.CompletedTask;
}
