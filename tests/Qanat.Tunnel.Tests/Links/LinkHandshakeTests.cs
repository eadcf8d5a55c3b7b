using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Qanat.Tunnel.Identity;
using Qanat.Tunnel.Links;
using Qanat.Wire.Handshake;
using Qanat.Wire.WebSockets;

namespace Qanat.Tunnel.Tests.Links;

/// <summary>Who may join: spoofing, replay, impersonation, clocks, versions, enrolment.</summary>
public sealed class LinkHandshakeTests
{
    private static async Task<TunnelException> RefusedAsync(LinkWorld world, LinkTarget? target = null) =>
        await Assert.ThrowsAsync<TunnelException>(() => world.DialAsync(target));

    [Theory]
    [InlineData(0UL, true)]
    [InlineData(600_000UL, true)]
    [InlineData(600_001UL, false)]
    [InlineData(1UL << 63, false)]
    [InlineData((1UL << 63) - 1, false)]
    [InlineData(ulong.MaxValue, true)]
    [InlineData(ulong.MaxValue - 600_000, false)]
    public void Clocks_apart_by_any_number_are_compared_without_overflow(ulong apart, bool isFresh)
    {
        const ulong Now = 1_800_000_000_000;
        Assert.Equal(isFresh, new LinkOptions { ClockSkew = TimeSpan.FromSeconds(600) }.IsFresh(Now, unchecked(Now + apart)));
    }

    [Fact]
    public async Task Token_proves_its_secret_without_sending_it()
    {
        await using LinkWorld world = new();
        using EnrolmentToken token = EnrolmentToken.Create();
        using EnrolmentToken again = EnrolmentToken.Parse(token.DangerousExport());
        world.Introduction = world.Introduction with { Token = again, RequestedName = "hospital-a", Ticket = [1, 2] };
        (DialedLink dialed, AcceptedLink accepted) = await world.JoinAsync();
        Assert.Equal(token.Id, accepted.Proof.TokenId);
        Assert.True(accepted.Proof.VerifyToken(token.Secret));
        Assert.False(accepted.Proof.VerifyToken(new byte[32]));
        Assert.Equal("hospital-a", accepted.Proof.RequestedName);
        Assert.Equal([1, 2], accepted.Proof.Ticket);
        Assert.Equal(IPAddress.Loopback, accepted.Proof.RemoteAddress);
        // Another hub can check the attachment by itself.
        Assert.True(LinkSignature.Verify(
            accepted.Proof.SubjectPublicKeyInfo,
            LinkTranscript.AttachmentStatement(world.Node.Mid, world.Hub.Mid, accepted.Proof.AttachmentTime),
            accepted.Proof.AttachmentSignature));
        await dialed.Link.DisposeAsync();
        await accepted.Link.DisposeAsync();
    }

    [Theory]
    [InlineData(LinkRefusal.NotEnrolled, TunnelError.NotEnrolled)]
    [InlineData(LinkRefusal.SpentToken, TunnelError.NotEnrolled)]
    [InlineData(LinkRefusal.NameTaken, TunnelError.Denied)]
    [InlineData(LinkRefusal.Busy, TunnelError.TooManyConnections)]
    [InlineData(LinkRefusal.ShuttingDown, TunnelError.ShuttingDown)]
    public async Task Refusal_of_the_admission_reaches_the_dialer(LinkRefusal refusal, TunnelError error)
    {
        await using LinkWorld world = new();
        world.Admit = _ => LinkAdmission.Refuse(refusal, "because");
        TunnelException e = await RefusedAsync(world);
        Assert.Equal((refusal, error), (e.Refusal, e.Error));
        Assert.Contains("because", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hub_that_proves_another_key_is_refused()
    {
        await using LinkWorld world = new();
        using NodeIdentity other = NodeIdentity.Create();
        TunnelException e = await RefusedAsync(world, new LinkTarget { Address = world.Address, ExpectedMid = other.Mid });
        Assert.Equal(TunnelError.HubMidMismatch, e.Error);
        Assert.Empty(world.Proofs);
    }

    [Fact]
    public async Task Hub_that_shows_a_key_it_does_not_have_is_refused()
    {
        using NodeIdentity real = NodeIdentity.Create();
        using NodeIdentity evil = NodeIdentity.Create();
        using NodeIdentity node = NodeIdentity.Create();
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Task impersonating = Task.Run(async () =>
        {
            using TcpClient client = await listener.AcceptTcpClientAsync();
            NetworkStream stream = client.GetStream();
            byte[] prefix = new byte[4];
            await stream.ReadExactlyAsync(prefix);
            byte[] hello = new byte[prefix[3] + (256 * prefix[2])];
            await stream.ReadExactlyAsync(hello);
            LinkChallenge challenge = new(1, 2, real.SubjectPublicKeyInfo.ToArray(), new byte[32], (ulong)DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
            await stream.WriteAsync(RawNode.Block(challenge.Encode(hello, evil.Sign)));
            Assert.Equal(0, await stream.ReadAsync(prefix));
        });
        LinkTarget target = new() { Address = new Uri($"tcp://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"), ExpectedMid = real.Mid };
        TunnelException e = await Assert.ThrowsAsync<TunnelException>(
            () => new LinkDialer(node).DialAsync(target, new LinkIntroduction { Role = LinkRole.Hub }, CancellationToken.None));
        Assert.Equal(TunnelError.SecurityFailure, e.Error);
        await impersonating;
    }

    [Fact]
    public async Task Joining_with_anothers_mid_is_refused()
    {
        await using LinkWorld world = new();
        using NodeIdentity thief = NodeIdentity.Create();
        using RawNode raw = await RawNode.ConnectAsync(world.Address);
        await raw.SendHelloAsync(world.Node);
        await raw.SendProofAsync(thief, world.Hub.Mid);
        Assert.Equal(LinkRefusal.BadSignature, await raw.ReadVerdictAsync());
        Assert.Equal(WebSocketCloseCode.PolicyViolation, await raw.ReadCloseAsync());
        Assert.Empty(world.Proofs);
    }

    [Fact]
    public async Task Recorded_join_is_worth_nothing()
    {
        await using LinkWorld world = new();
        using RawNode first = await RawNode.ConnectAsync(world.Address);
        await first.SendHelloAsync(world.Node);
        await first.ReadChallengeAsync();
        byte[] proof = first.MakeProof(world.Node, world.Hub.Mid);
        await first.SendMessageAsync(proof);
        Assert.Equal(LinkRefusal.None, await first.ReadVerdictAsync());

        using RawNode replay = await RawNode.ConnectAsync(world.Address);
        await replay.SendHelloAsync(first.Hello);
        await replay.ReadChallengeAsync();
        Assert.NotEqual(first.Challenge, replay.Challenge);
        await replay.SendMessageAsync(proof);
        Assert.Equal(LinkRefusal.BadSignature, await replay.ReadVerdictAsync());
        Assert.Single(world.Proofs);
    }

    [Fact]
    public async Task Proof_made_for_another_hub_is_refused()
    {
        await using LinkWorld world = new();
        await using LinkWorld other = new();
        // A hub in the middle passes the victim's HELLO on, but the victim's proof names the hub it spoke to.
        using RawNode raw = await RawNode.ConnectAsync(world.Address);
        await raw.SendHelloAsync(world.Node);
        await raw.ReadChallengeAsync();
        await raw.SendMessageAsync(raw.MakeProof(world.Node, other.Hub.Mid));
        Assert.Equal(LinkRefusal.BadSignature, await raw.ReadVerdictAsync());
    }

    [Fact]
    public async Task Hubs_own_key_reflected_at_it_is_refused()
    {
        await using LinkWorld world = new();
        using RawNode raw = await RawNode.ConnectAsync(world.Address);
        await raw.SendHelloAsync(world.Hub);
        await raw.SendProofAsync(world.Hub, world.Hub.Mid);
        Assert.Equal(LinkRefusal.BadSignature, await raw.ReadVerdictAsync());
    }

    [Fact]
    public async Task Clocks_too_far_apart_are_refused_on_either_side()
    {
        await using LinkWorld world = new();
        using RawNode late = await RawNode.ConnectAsync(world.Address);
        await late.SendHelloAsync(world.Node, clockOffset: TimeSpan.FromSeconds(-601));
        Assert.Equal(LinkRefusal.ClockSkew, await late.ReadVerdictAsync());
        using RawNode early = await RawNode.ConnectAsync(world.Address);
        await early.SendHelloAsync(world.Node);
        await early.ReadChallengeAsync();
        await early.SendMessageAsync(early.MakeProof(world.Node, world.Hub.Mid, TimeSpan.FromSeconds(900)));
        Assert.Equal(LinkRefusal.ClockSkew, await early.ReadVerdictAsync());

        FakeTimeProvider wrong = new(DateTimeOffset.UtcNow.AddHours(1));
        await using LinkWorld skewed = new(nodeTime: wrong);
        TunnelException e = await RefusedAsync(skewed);
        Assert.Equal((TunnelError.ClockSkew, LinkRefusal.ClockSkew), (e.Error, e.Refusal));
    }

    [Fact]
    public async Task Unknown_version_wrong_role_and_nonsense_are_refused()
    {
        await using LinkWorld world = new();
        using RawNode version = await RawNode.ConnectAsync(world.Address);
        await version.SendHelloAsync(world.Node, version: 2);
        Assert.Equal(LinkRefusal.UnsupportedVersion, await version.ReadVerdictAsync());
        using RawNode role = await RawNode.ConnectAsync(world.Address);
        await role.SendHelloAsync(world.Node, role: 2);
        Assert.Equal(LinkRefusal.WrongRole, await role.ReadVerdictAsync());
        using RawNode nonsense = await RawNode.ConnectAsync(world.Address);
        await nonsense.SendHelloAsync([1, 2, 3]);
        Assert.Equal(LinkRefusal.Malformed, await nonsense.ReadVerdictAsync());
        using RawNode large = await RawNode.ConnectAsync(world.Address);
        await large.SendHelloAsync(new byte[LinkHandshake.MaxMessage + 1]);
        Assert.Equal(WebSocketCloseCode.MessageTooBig, await large.ReadCloseAsync());
        Assert.Empty(world.Proofs);
    }

    [Fact]
    public async Task Slow_handshake_meets_its_deadline_at_every_stage()
    {
        FakeTimeProvider time = new(DateTimeOffset.UtcNow);
        await using LinkWorld world = new(time: time);
        using TcpClient silent = new();
        await silent.ConnectAsync(IPAddress.Loopback, world.Address.Port);
        using TcpClient dripping = new();
        await dripping.ConnectAsync(IPAddress.Loopback, world.Address.Port);
        await dripping.GetStream().WriteAsync("GET / HT"u8.ToArray());
        using RawNode upgraded = await RawNode.ConnectAsync(world.Address);
        using RawNode challenged = await RawNode.ConnectAsync(world.Address);
        await challenged.SendHelloAsync(world.Node);
        await challenged.ReadChallengeAsync();
        await LinkWorld.UntilAsync(() => world.Listener.PendingCount >= 4);
        time.Advance(TimeSpan.FromSeconds(11));
        byte[] one = new byte[1];
        Assert.Equal(0, await silent.GetStream().ReadAsync(one).AsTask().WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal(0, await dripping.GetStream().ReadAsync(one).AsTask().WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal(0, await upgraded.Stream.ReadAsync(one).AsTask().WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal(0, await challenged.Stream.ReadAsync(one).AsTask().WaitAsync(TimeSpan.FromSeconds(60)));
        await LinkWorld.UntilAsync(() => world.Listener.PendingCount <= 0);
    }

    [Fact]
    public async Task Hub_that_never_answers_meets_the_dialers_deadline()
    {
        using TcpListener silent = new(IPAddress.Loopback, 0);
        silent.Start();
        FakeTimeProvider time = new(DateTimeOffset.UtcNow);
        using NodeIdentity node = NodeIdentity.Create();
        LinkTarget target = new() { Address = new Uri($"ws://127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port}/") };
        Task<DialedLink> dialing = new LinkDialer(node, time: time).DialAsync(target, new LinkIntroduction { Role = LinkRole.Node }, CancellationToken.None);
        using TcpClient accepted = await silent.AcceptTcpClientAsync();
        byte[] some = new byte[10];
        await accepted.GetStream().ReadExactlyAsync(some);
        time.Advance(TimeSpan.FromSeconds(11));
        TunnelException e = await Assert.ThrowsAsync<TunnelException>(() => dialing.WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal(TunnelError.HandshakeTimeout, e.Error);
    }

    [Fact]
    public async Task Callers_cancel_is_not_a_timeout()
    {
        using TcpListener silent = new(IPAddress.Loopback, 0);
        silent.Start();
        using NodeIdentity node = NodeIdentity.Create();
        using CancellationTokenSource cancel = new();
        LinkTarget target = new() { Address = new Uri($"ws://127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port}/") };
        Task<DialedLink> dialing = new LinkDialer(node).DialAsync(target, new LinkIntroduction { Role = LinkRole.Node }, cancel.Token);
        using TcpClient accepted = await silent.AcceptTcpClientAsync();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dialing);
    }

    [Fact]
    public async Task Unreachable_hub_and_wrong_address_are_typed()
    {
        int port = TestPorts.Take();
        await using LinkWorld world = new();
        Assert.Equal(TunnelError.HubUnreachable, (await RefusedAsync(world, new LinkTarget { Address = new Uri($"ws://127.0.0.1:{port}/") })).Error);
        Assert.Equal(TunnelError.InvalidAddress, (await RefusedAsync(world, new LinkTarget { Address = new Uri("http://127.0.0.1/") })).Error);
        Assert.Equal(TunnelError.HubUnreachable, (await RefusedAsync(world, new LinkTarget { Address = new Uri(world.Address, "/elsewhere") })).Error);
    }

    [Fact]
    public async Task Strangers_who_hold_every_place_cannot_keep_the_door_shut()
    {
        LinkListenerOptions options = new() { EndPoint = new IPEndPoint(IPAddress.Loopback, 0), MaxHandshakes = 4, MaxHandshakesPerAddress = 100 };
        await using LinkWorld world = new(options);
        List<TcpClient> strangers = [];
        for (int i = 0; i < 4; i++)
        {
            TcpClient stranger = new();
            await stranger.ConnectAsync(IPAddress.Loopback, world.Address.Port);
            strangers.Add(stranger);
        }
        await LinkWorld.UntilAsync(() => world.Listener.PendingCount >= 4);
        (DialedLink dialed, AcceptedLink accepted) = await world.JoinAsync();
        Assert.Equal(world.Node.Mid, accepted.Link.PeerMid);
        Assert.True(world.Listener.PendingCount <= 4);
        await dialed.Link.DisposeAsync();
        await accepted.Link.DisposeAsync();
        strangers.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task One_address_has_its_share_of_places_only()
    {
        LinkListenerOptions options = new() { EndPoint = new IPEndPoint(IPAddress.Loopback, 0), MaxHandshakesPerAddress = 2 };
        // Time stands still: the first two keep their places.
        await using LinkWorld world = new(options, new FakeTimeProvider(DateTimeOffset.UtcNow));
        using RawNode first = await RawNode.ConnectAsync(world.Address);
        using RawNode second = await RawNode.ConnectAsync(world.Address);
        using TcpClient third = new();
        await third.ConnectAsync(IPAddress.Loopback, world.Address.Port);
        Assert.Equal(0, await third.GetStream().ReadAsync(new byte[1]).AsTask().WaitAsync(TimeSpan.FromSeconds(60)));
        first.Dispose();
        await LinkWorld.UntilAsync(() => world.Listener.PendingCount <= 1);
        using RawNode fourth = await RawNode.ConnectAsync(world.Address);
    }
}
