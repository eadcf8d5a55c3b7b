using System.Runtime.InteropServices;
using Qanat.Wire;

namespace Qanat.Hub.Routing;

/// <summary>
/// Frames that wait a moment for their route: OPEN, RESUME, CLOSE and PING only, since sessions repeat everything else. Bounded three times
/// (per destination, per member and in all); what does not fit is dropped. Thread-safe.
/// </summary>
internal sealed class PendingFrames(RelayLimits limits)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Mid, List<PendingFrame>> _waiting = [];
    private readonly Dictionary<Mid, int> _ofMember = [];
    private int _count;

    /// <summary>Frames waiting.</summary>
    public int Count { get { lock (_lock) return _count; } }

    /// <summary>Keeps a frame. A later frame of the same session and type takes the place of the former.</summary>
    public void Keep(MemberPort from, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Type is not (FrameType.Open or FrameType.Resume or FrameType.Close or FrameType.Ping) || payload.Length > Router.MaxControlPayload)
        {
            return;
        }
        lock (_lock)
        {
            _waiting.TryGetValue(header.Destination, out List<PendingFrame>? list);
            FrameHeader kept = header;
            int same = list is null ? -1 : list.FindIndex(f => f.Header.Type == kept.Type && f.Header.SessionId == kept.SessionId && f.Header.Source == kept.Source);
            if (same >= 0)
            {
                list![same] = new PendingFrame(from, kept, payload.ToArray());
                return;
            }
            int ofMember = _ofMember.GetValueOrDefault(from.Mid);
            if ((list?.Count ?? 0) < limits.PendingFramesPerDestination && _count < limits.PendingFrames && ofMember < limits.PendingFramesPerMember)
            {
                if (list is null)
                {
                    _waiting.Add(header.Destination, list = []);
                }
                list.Add(new PendingFrame(from, kept, payload.ToArray()));
                _ofMember[from.Mid] = ofMember + 1;
                _count++;
            }
        }
    }

    /// <summary>Takes out all frames that wait for a destination, in order.</summary>
    public IReadOnlyList<PendingFrame> Take(Mid destination)
    {
        lock (_lock)
        {
            if (!_waiting.Remove(destination, out List<PendingFrame>? list))
            {
                return [];
            }
            _count -= list.Count;
            foreach (PendingFrame frame in list)
            {
                Mid member = frame.From.Mid;
                if (--CollectionsMarshal.GetValueRefOrNullRef(_ofMember, member) == 0)
                {
                    _ofMember.Remove(member);
                }
            }
            return list;
        }
    }
}

/// <summary>One waiting frame.</summary>
/// <param name="From">The port it came from.</param>
/// <param name="Header">Its header.</param>
/// <param name="Payload">A copy of its payload.</param>
internal sealed record PendingFrame(MemberPort From, FrameHeader Header, byte[] Payload);
