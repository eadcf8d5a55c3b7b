using System.Buffers.Binary;
using Qanat.Wire;
using Qanat.Wire.WebSockets;

namespace Qanat.Tunnel.Links;

/// <summary>
/// Liveness. Each half heartbeat the timer looks: after half a heartbeat of silence it asks (PING); when nothing at all was heard for one and a half
/// heartbeats though two PINGs went out, the link is lost. Found dead within two heartbeats. Only the monotonic clock is read.
/// </summary>
internal sealed partial class StreamLink
{
    private const byte DiscardFlag = 1;

    /// <summary>On a busy link every fourth look asks too, to know the round trip.</summary>
    private const int LooksPerRoundTrip = 4;

    private long _lastReceived;
    private long _roundTripTicks;
    private long _pingSent;
    private int _unanswered;
    private int _looks;

    private void OnHeartbeat()
    {
        if (Volatile.Read(ref _closing) is not null)
        {
            return;
        }
        TimeSpan silence = _time.GetElapsedTime(Volatile.Read(ref _lastReceived));
        bool isHandling = Volatile.Read(ref _isHandling);
        if (!isHandling && Volatile.Read(ref _unanswered) >= 2 && silence >= _heartbeat * 1.5)
        {
            RequestClose(LinkCloseCause.HeartbeatLost, $"Nothing heard for {silence.TotalSeconds:F1} s.", default, flush: false);
            // What is stuck in the transport will never leave it.
            _transport.Dispose();
            return;
        }
        if (silence >= _heartbeat / 2 || ++_looks % LooksPerRoundTrip == 0)
        {
            long now = _time.GetTimestamp();
            Interlocked.Exchange(ref _pingSent, now);
            Interlocked.Increment(ref _unanswered);
            Span<byte> payload = stackalloc byte[sizeof(long)];
            BinaryPrimitives.WriteInt64BigEndian(payload, now);
            TrySend(new FrameHeader(FrameType.Ping, FrameReason.None, 0, LocalMid, PeerMid, 0, 0), payload);
        }
    }

    /// <summary>Answers the peer's PING, takes the PONG of this end's heartbeat. False for a PONG that is someone else's question's.</summary>
    private bool TryHandleHeartbeat(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Type == FrameType.Ping)
        {
            if (!_pingRate.TryTake())
            {
                Fail(WebSocketCloseCode.PolicyViolation, "Too many PINGs.");
            }
            else if ((header.Flags & DiscardFlag) == 0)
            {
                // When the queue is full the answer is lost, as on any congested path.
                TrySend(header with { Type = FrameType.Pong, Flags = 0, Source = LocalMid, Destination = PeerMid }, payload);
            }
            return true;
        }
        long sent = Interlocked.Read(ref _pingSent);
        if (header.SessionId != 0 || payload.Length != sizeof(long) || BinaryPrimitives.ReadInt64BigEndian(payload) != sent)
        {
            return header.SessionId == 0;
        }
        TimeSpan roundTrip = _time.GetElapsedTime(sent);
        Interlocked.Exchange(ref _roundTripTicks, roundTrip.Ticks);
        _metrics.RoundTrip(roundTrip);
        return true;
    }
}
