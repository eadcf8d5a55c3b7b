using System.Buffers.Binary;
using System.Net;
using Qanat.Tunnel.Links;
using Qanat.Wire;
using Qanat.Wire.WebSockets;

namespace Qanat.Tunnel.Tests.Links;

/// <summary>A joined member that breaks the framing: closed with the right code, in bounded memory, and nothing wrong is delivered.</summary>
public sealed class LinkAbuseTests
{
    private static byte[] DataFrame(LinkWorld world, int payload)
    {
        byte[] frame = new byte[FrameHeader.Length + payload];
        world.FromNode().Write(frame);
        return frame;
    }

    private static async Task<(RawNode Raw, Link Link, RecordingHandler Handler)> JoinAsync(LinkWorld world)
    {
        RawNode raw = await RawNode.JoinAsync(world.Address, world.Node, world.Hub.Mid, (int)world.Introduction.Role);
        AcceptedLink accepted = await world.AcceptedAsync();
        RecordingHandler handler = new();
        accepted.Link.Start(handler, null);
        return (raw, accepted.Link, handler);
    }

    private static async Task ClosedWithAsync(RawNode raw, Link link, WebSocketCloseCode expected)
    {
        Assert.Equal(expected, await raw.ReadCloseAsync());
        raw.Dispose();
        Assert.Equal(LinkCloseCause.ProtocolError, (await link.Completion.WaitAsync(TimeSpan.FromSeconds(60))).Cause);
    }

    public static TheoryData<string, WebSocketCloseCode> BadFrames => new()
    {
        { "827f7fffffffffffffff", WebSocketCloseCode.ProtocolError }, // unmasked comes first
        { "82ff7fffffffffffffff00000000", WebSocketCloseCode.MessageTooBig }, // 2^63 - 1
        { "82ff800000000000000000000000", WebSocketCloseCode.ProtocolError }, // 2^63
        { "82ff000000008000000000000000", WebSocketCloseCode.MessageTooBig }, // 2^31
        { "82ff000000000001003500000000", WebSocketCloseCode.MessageTooBig }, // one over the longest frame
        { "8201ff", WebSocketCloseCode.ProtocolError }, // unmasked client frame
        { "c2810000000000", WebSocketCloseCode.ProtocolError }, // compressed bit
        { "81810000000041", WebSocketCloseCode.UnsupportedData }, // text
        { "828000000000", WebSocketCloseCode.InvalidPayload }, // empty message
        { "82810000000000", WebSocketCloseCode.InvalidPayload }, // one byte per message
        { "80810000000000", WebSocketCloseCode.ProtocolError }, // continuation of nothing
        { "09810000000000", WebSocketCloseCode.ProtocolError }, // fragmented ping
        { "88810000000003", WebSocketCloseCode.ProtocolError }, // close of one byte
        { "88820000000003ed", WebSocketCloseCode.ProtocolError }, // close with 1005
    };

    [Theory]
    [MemberData(nameof(BadFrames))]
    public async Task Bad_frame_closes_with_the_right_code(string hex, WebSocketCloseCode expected)
    {
        await using LinkWorld world = new();
        (RawNode raw, Link link, RecordingHandler handler) = await JoinAsync(world);
        await raw.Stream.WriteAsync(Convert.FromHexString(hex));
        await ClosedWithAsync(raw, link, expected);
        Assert.True(handler.IsEmpty);
        Assert.False(link.TrySend(world.FromHub(), []));
    }

    [Theory]
    [InlineData("00000000")]
    [InlineData("80000000")]
    [InlineData("ffffffff")]
    [InlineData("00010035")] // one over the longest frame
    public async Task Bad_length_on_a_tcp_link_closes_with_1009(string hex)
    {
        await using LinkWorld world = new(new LinkListenerOptions { EndPoint = new IPEndPoint(IPAddress.Loopback, 0), Kind = LinkKind.Tcp, PeerRole = LinkRole.Hub });
        (RawNode raw, Link link, _) = await JoinAsync(world);
        await raw.Stream.WriteAsync(Convert.FromHexString(hex));
        await ClosedWithAsync(raw, link, WebSocketCloseCode.MessageTooBig);
    }

    [Fact]
    public async Task Blocks_that_are_not_frames_close_a_tcp_link_with_1007()
    {
        await using LinkWorld world = new(new LinkListenerOptions { EndPoint = new IPEndPoint(IPAddress.Loopback, 0), Kind = LinkKind.Tcp, PeerRole = LinkRole.Hub });
        (RawNode raw, Link link, _) = await JoinAsync(world);
        await raw.SendMessageAsync(new byte[51]);
        await ClosedWithAsync(raw, link, WebSocketCloseCode.InvalidPayload);
    }

    [Fact]
    public async Task Fragmented_messages_with_pings_between_are_joined()
    {
        await using LinkWorld world = new();
        (RawNode raw, Link link, RecordingHandler handler) = await JoinAsync(world);
        byte[] frame = DataFrame(world, 65536);
        Random.Shared.NextBytes(frame.AsSpan(FrameHeader.Length));
        for (int at = 0; at < frame.Length; at += 1000)
        {
            WebSocketOpcode opcode = at == 0 ? WebSocketOpcode.Binary : WebSocketOpcode.Continuation;
            await raw.Stream.WriteAsync(RawNode.Frame(opcode, frame[at..Math.Min(frame.Length, at + 1000)], at + 1000 >= frame.Length));
            await raw.Stream.WriteAsync(RawNode.Frame(WebSocketOpcode.Ping, [(byte)(at / 1000)]));
        }
        (FrameHeader header, byte[] payload) = await handler.NextAsync();
        Assert.Equal(world.FromNode(), header);
        Assert.Equal(frame[FrameHeader.Length..], payload);
        (WebSocketOpcode answer, byte[] echoed) = await raw.ReadFrameAsync();
        Assert.Equal((WebSocketOpcode.Pong, (byte)0), (answer, echoed[0]));
        raw.Dispose();
        Assert.Equal(LinkCloseCause.TransportFailed, (await link.Completion.WaitAsync(TimeSpan.FromSeconds(60))).Cause);
    }

    [Theory]
    [InlineData(WebSocketOpcode.Ping)]
    [InlineData(WebSocketOpcode.Pong)]
    [InlineData(WebSocketOpcode.Continuation)]
    public async Task Floods_of_control_frames_and_tiny_fragments_are_cut_off_with_1008_in_bounded_memory(WebSocketOpcode opcode)
    {
        await using LinkWorld world = new();
        (RawNode raw, Link link, _) = await JoinAsync(world);
        if (opcode == WebSocketOpcode.Continuation)
        {
            await raw.Stream.WriteAsync(RawNode.Frame(WebSocketOpcode.Binary, [1], isFinal: false));
        }
        byte[] one = RawNode.Frame(opcode, opcode == WebSocketOpcode.Continuation ? [] : [1], isFinal: opcode != WebSocketOpcode.Continuation);
        byte[] flood = [.. Enumerable.Repeat(one, 2000).SelectMany(f => f)];
        await raw.Stream.WriteAsync(flood);
        await ClosedWithAsync(raw, link, WebSocketCloseCode.PolicyViolation);
        Assert.Equal(0, link.QueuedBytes);
    }

    [Fact]
    public async Task Flood_of_pings_to_the_hub_is_cut_off_with_1008()
    {
        await using LinkWorld world = new();
        (RawNode raw, Link link, RecordingHandler handler) = await JoinAsync(world);
        byte[] ping = new byte[FrameHeader.Length];
        (world.FromNode(FrameType.Ping) with { Flags = 1 }).Write(ping);
        byte[] flood = [.. Enumerable.Repeat(RawNode.Frame(WebSocketOpcode.Binary, ping), 20_000).SelectMany(f => f)];
        await raw.Stream.WriteAsync(flood);
        await ClosedWithAsync(raw, link, WebSocketCloseCode.PolicyViolation);
        Assert.True(handler.IsEmpty);
    }

    [Fact]
    public async Task Ping_between_the_ends_is_answered_and_any_other_goes_to_the_handler()
    {
        await using LinkWorld world = new();
        (RawNode raw, Link link, RecordingHandler handler) = await JoinAsync(world);
        byte[] ping = new byte[FrameHeader.Length + 3];
        world.FromNode(FrameType.Ping, 9).Write(ping);
        ping[^1] = 42;
        await raw.SendMessageAsync(ping);
        Assert.Equal(ParseStatus.Complete, FrameHeader.TryRead(await raw.ReadMessageAsync(), out FrameHeader pong, out _));
        Assert.Equal(world.FromHub(FrameType.Pong, 9), pong);

        FrameHeader spoofed = world.FromNode(FrameType.Ping) with { Source = Mid.Read([9, .. new byte[15]]) };
        spoofed.Write(ping);
        await raw.SendMessageAsync(ping);
        Assert.Equal(spoofed, (await handler.NextAsync()).Header);
        FrameHeader answer = world.FromNode(FrameType.Pong) with { SessionId = 5 };
        answer.Write(ping);
        await raw.SendMessageAsync(ping);
        Assert.Equal(answer, (await handler.NextAsync()).Header);
        raw.Dispose();
        await link.DisposeAsync();
    }

    [Fact]
    public async Task Reader_that_never_reads_costs_the_queue_and_no_more()
    {
        await using LinkWorld world = new();
        (RawNode raw, Link link, _) = await JoinAsync(world);
        byte[] payload = new byte[FrameHeader.MaxPayload];
        int refused = 0;
        for (int i = 0; i < 20_000 && refused < 100; i++)
        {
            Assert.InRange(link.QueuedBytes, 0, 1024 * 1024);
            if (!link.TrySend(world.FromHub(), payload))
            {
                refused++;
                await Task.Yield();
            }
        }
        Assert.Equal(100, refused);
        // Even now an orderly close ends within its bound.
        await link.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(0, link.QueuedBytes);
        raw.Dispose();
    }

    [Fact]
    public async Task One_byte_per_segment_is_put_together()
    {
        await using LinkWorld world = new();
        (RawNode raw, Link link, RecordingHandler handler) = await JoinAsync(world);
        byte[] frame = RawNode.Frame(WebSocketOpcode.Binary, DataFrame(world, 10));
        foreach (byte b in frame)
        {
            await raw.Stream.WriteAsync(new[] { b });
        }
        Assert.Equal(10, (await handler.NextAsync()).Payload.Length);
        raw.Dispose();
        await link.DisposeAsync();
    }

    [Theory]
    [InlineData(1000, LinkCloseCause.Remote)]
    [InlineData(1001, LinkCloseCause.Draining)]
    [InlineData(4001, LinkCloseCause.Replaced)]
    [InlineData(4003, LinkCloseCause.Denied)]
    [InlineData(1002, LinkCloseCause.ProtocolError)]
    public async Task Close_code_of_the_peer_becomes_the_cause_and_is_echoed(ushort code, LinkCloseCause cause)
    {
        await using LinkWorld world = new();
        (RawNode raw, Link link, _) = await JoinAsync(world);
        byte[] payload = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(payload, code);
        await raw.Stream.WriteAsync(RawNode.Frame(WebSocketOpcode.Close, payload));
        Assert.Equal((WebSocketCloseCode)code, await raw.ReadCloseAsync());
        raw.Dispose();
        Assert.Equal(cause, (await link.Completion.WaitAsync(TimeSpan.FromSeconds(60))).Cause);
    }
}
