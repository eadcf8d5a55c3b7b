using Qanat.Wire;

namespace Qanat.Hub.Routing;

/// <summary>
/// Decides who may still put frames into one contended FIFO queue. A flow (source mid) may hold at most
/// <c>weight × free bytes</c> of it (dynamic threshold, Choudhury and Hahne 1998): one flow alone gets four fifths of the queue,
/// n flows converge to equal parts, and there is always room for a newcomer.
/// What a flow holds is derived from FIFO order: a byte enqueued at position p has left once <c>enqueued - queued</c> passed p, so
/// nothing has to be reported by the link. Positions are kept in coarse segments. Thread-safe; bounded memory.
/// </summary>
internal sealed class FairShare
{
    /// <summary>Weight of DATA frames.</summary>
    public const int DataWeight = 4;

    /// <summary>Weight of all other frames: small, and worth more than data when the queue is short.</summary>
    public const int ControlWeight = 16;

    private const int Segments = 32;
    private const int MaxFlows = 4096;
    private readonly Lock _lock = new();
    private readonly Dictionary<Mid, Flow> _flows = [];
    private readonly Flow _overflow = new();
    private readonly long _limit;
    private readonly long _segmentBytes;

    /// <summary>Creates the accounting for a queue of <paramref name="limit"/> bytes.</summary>
    public FairShare(long limit)
    {
        _limit = limit;
        _segmentBytes = Math.Max(1, limit / (Segments / 2));
    }

    /// <summary>Flows that may hold bytes of the queue.</summary>
    public int FlowCount { get { lock (_lock) return _flows.Count; } }

    /// <summary>Asks for room for one frame.</summary>
    /// <param name="source">The flow.</param>
    /// <param name="bytes">The frame's length.</param>
    /// <param name="enqueued">Bytes ever put into the queue.</param>
    /// <param name="queued">Bytes in the queue now.</param>
    /// <param name="weight"><see cref="DataWeight"/> or <see cref="ControlWeight"/>.</param>
    /// <param name="cap">Most bytes this flow may hold, whatever is free (the member's queue quota).</param>
    /// <returns>True: the frame may be queued and is accounted for. False: drop it.</returns>
    public bool TryAdmit(Mid source, int bytes, long enqueued, long queued, int weight, long cap)
    {
        long firstHeld = Math.Max(0, enqueued - queued) / _segmentBytes;
        lock (_lock)
        {
            if (!_flows.TryGetValue(source, out Flow? flow))
            {
                flow = AddFlow(source, firstHeld);
            }
            long threshold = Math.Min(cap, weight * Math.Max(0, _limit - queued));
            if (flow.Held(firstHeld) + bytes > threshold)
            {
                return false;
            }
            flow.Add(enqueued / _segmentBytes, bytes);
            return true;
        }
    }

    private Flow AddFlow(Mid source, long firstHeld)
    {
        if (_flows.Count >= MaxFlows)
        {
            foreach ((Mid mid, Flow idle) in _flows)
            {
                if (idle.Held(firstHeld) == 0)
                {
                    _flows.Remove(mid);
                }
            }
            if (_flows.Count >= MaxFlows)
            {
                return _overflow;
            }
        }
        Flow flow = new();
        _flows.Add(source, flow);
        return flow;
    }

    private sealed class Flow
    {
        private readonly long[] _bytes = new long[Segments];
        private readonly long[] _segment = new long[Segments];

        public long Held(long firstHeld)
        {
            long held = 0;
            for (int i = 0; i < Segments; i++)
            {
                held += _segment[i] >= firstHeld ? _bytes[i] : 0;
            }
            return held;
        }

        public void Add(long segment, int bytes)
        {
            int i = (int)(segment % Segments);
            if (_segment[i] != segment)
            {
                (_segment[i], _bytes[i]) = (segment, 0);
            }
            _bytes[i] += bytes;
        }
    }
}
