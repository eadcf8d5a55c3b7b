using System.Collections.Concurrent;
using System.Security.Cryptography;
using Qanat.Hub.Routing;
using Qanat.Wire;
using Qanat.Wire.Control;

namespace Qanat.Hub.Mesh;

/// <summary>Questions to other hubs (RESOLVE) and their answers, matched by request id and link. Thread-safe; bounded per hub, so that a silent one holds up no other.</summary>
internal sealed class HubQueries(Router router)
{
    private const int MaxOutstandingPerHub = 4096;
    private readonly ConcurrentDictionary<ulong, (HubPort Port, TaskCompletionSource<ResolveAnswer?> Answer)> _outstanding = new();

    /// <summary>Questions without an answer yet.</summary>
    public int Outstanding => _outstanding.Count;

    /// <summary>Asks one hub. Null when there is no answer in time or the link is lost.</summary>
    public async Task<ResolveAnswer?> AskAsync(HubPort port, byte[] query, CancellationToken cancellationToken)
    {
        if (!port.TryEnterQuery(MaxOutstandingPerHub))
        {
            return null;
        }
        ulong id = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
        TaskCompletionSource<ResolveAnswer?> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _outstanding[id] = (port, answer);
        try
        {
            port.Touch();
            if (!port.TrySendControl(new FrameHeader(FrameType.Resolve, FrameReason.None, 0, router.LocalMid, port.Mid, id, 0), query))
            {
                return null;
            }
            Task ended = await Task.WhenAny(answer.Task, port.Link.Completion).WaitAsync(cancellationToken);
            return ReferenceEquals(ended, answer.Task) ? await answer.Task : null;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        finally
        {
            // Nothing of a question may stay with the link, which lives on: the wait for both ends only when one of them does.
            answer.TrySetResult(null);
            _outstanding.TryRemove(id, out _);
            port.LeaveQuery();
        }
    }

    /// <summary>An answer has come. One that nobody asked that hub for is ignored.</summary>
    public void OnAnswer(HubPort port, ulong id, ReadOnlySpan<byte> payload)
    {
        if (_outstanding.TryGetValue(id, out (HubPort Port, TaskCompletionSource<ResolveAnswer?> Answer) asked) && ReferenceEquals(asked.Port, port)
            && ResolveAnswer.TryDecode(payload, out ResolveAnswer answer))
        {
            asked.Answer.TrySetResult(answer);
        }
        else
        {
            router.CountDrop(DropReason.Malformed);
        }
    }
}
