using System.Buffers.Binary;
using Microsoft.Extensions.Time.Testing;
using Qanat.Hub.Quotas;
using Qanat.Hub.Routing;
using Qanat.Tunnel.Links;

namespace Qanat.Hub.Tests.Routing;

/// <summary>A router with fakes around it.</summary>
internal sealed class RouterFixture : IRouteControl
{
    public RouterFixture(RelayLimits? limits = null) => Router = new Router(HubMid, this, limits ?? new RelayLimits(), Time);

    public static Mid HubMid { get; } = MidOf(1000);

    public static Mid OtherHub { get; } = MidOf(2000);

    public FakeTimeProvider Time { get; } = new(DateTimeOffset.UnixEpoch.AddYears(50));

    public Router Router { get; }

    public HashSet<Mid> OwnMembers { get; } = [];

    public FrameReason RouteAnswer { get; set; } = FrameReason.UnknownMember;

    public List<(string What, Mid About)> Calls { get; } = [];

    public static Mid MidOf(int n)
    {
        byte[] bytes = new byte[Mid.Length];
        BinaryPrimitives.WriteInt32BigEndian(bytes, n);
        bytes[15] = 1;
        return Mid.Read(bytes);
    }

    public MemberPort Member(int n, MemberQuotas? quotas = null, long time = 1, MemberMeter? meter = null, long limit = 4 << 20)
    {
        FakeLink link = new(HubMid, MidOf(n), LinkRole.Node, limit);
        MemberPort port = new(link, Router, meter ?? new MemberMeter(quotas ?? MemberQuotas.Unlimited, Time), AttachmentOf(n, HubMid, time));
        OwnMembers.Add(port.Mid);
        Router.Attach(port);
        return port;
    }

    public HubPort Hub(Mid? mid = null)
    {
        HubPort port = new(new FakeLink(HubMid, mid ?? OtherHub, LinkRole.Hub), Router, initiatedHere: true);
        Router.AttachHub(port);
        return port;
    }

    public static Attachment AttachmentOf(int n, Mid hub, long time = 1) => new(MidOf(n), hub, $"m{n}", [], time, []);

    public static FakeLink Out(Port port) => (FakeLink)port.Link;

    /// <summary>What the link does after one read.</summary>
    public static Task ReadAsync(Port from, int wireBytes) => from.OnBatchAsync(from.Link, wireBytes).AsTask();

    public static FrameHeader Header(FrameType type, Mid source, Mid destination, ulong session = 7, byte flags = 0) =>
        new(type, FrameReason.None, flags, source, destination, session, 0);

    public static void Send(Port from, FrameType type, Mid destination, int payload = 0, ulong session = 7, byte flags = 0, Mid? source = null) =>
        from.OnFrame(from.Link, Header(type, source ?? from.Mid, destination, session, flags), new byte[payload]);

    bool IRouteControl.IsOwnMember(Mid mid) => OwnMembers.Contains(mid);

    FrameReason IRouteControl.WantRoute(MemberPort from, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        Calls.Add(("route", header.Destination));
        return RouteAnswer;
    }

    void IRouteControl.OnResolve(MemberPort from, in FrameHeader header, ReadOnlySpan<byte> payload) => Calls.Add(("resolve", from.Mid));

    void IRouteControl.OnHubControl(HubPort from, in FrameHeader header, ReadOnlySpan<byte> payload) => Calls.Add((header.Type.ToString(), from.Mid));

    void IRouteControl.OnUnshown(HubPort from, Mid member) => Calls.Add(("unshown", member));

    void IRouteControl.OnWithdraw(HubPort hub, Attachment attachment) => Calls.Add(("withdraw", attachment.Member));

    ReadOnlySpan<byte> IRouteControl.EncodeAnnounce(Attachment attachment) => attachment.Member.ToArray();
}
