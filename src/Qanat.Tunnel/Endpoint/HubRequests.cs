using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Qanat.Tunnel.Links;
using Qanat.Tunnel.Sessions;
using Qanat.Wire;

namespace Qanat.Tunnel;

/// <summary>Questions with a request id (RESOLVE, PING) over the current link, repeated until answered: a link may be lost with the answer. Safe from any thread.</summary>
internal sealed class HubRequests(Mid local, SessionTable table, LinkSupervisor supervisor, TimeProvider time)
{
    private static readonly TimeSpan s_repeat = TimeSpan.FromMilliseconds(700);
    private readonly ConcurrentDictionary<ulong, Request> _pending = new();

    /// <summary>Asks and waits for the payload of the answer.</summary>
    /// <param name="type">RESOLVE or PING.</param>
    /// <param name="target">Addressee; null is the current hub.</param>
    /// <param name="payload">Payload of the question.</param>
    /// <param name="timeout">Longest wait.</param>
    /// <param name="cancellationToken">The caller's.</param>
    /// <exception cref="TunnelException">HubUnreachable: no link, or no answer in time. When no hub takes this node, why not, such as NotEnrolled.</exception>
    public async Task<byte[]> AskAsync(FrameType type, Mid? target, byte[] payload, TimeSpan timeout, CancellationToken cancellationToken)
    {
        ulong id = NewId();
        Request request = new(type, target);
        _pending[id] = request;
        using CancellationTokenSource deadline = new(timeout, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline.Token);
        try
        {
            while (true)
            {
                await supervisor.WaitForLinkAsync(either.Token).ConfigureAwait(false);
                if (table.CurrentLink is { } link)
                {
                    link.TrySend(new FrameHeader(type, FrameReason.None, 0, local, target ?? link.PeerMid, id, 0), payload);
                }
                try
                {
                    return await request.Answer.Task.WaitAsync(s_repeat, time, either.Token).ConfigureAwait(false);
                }
                catch (TimeoutException)
                {
                    // Lost with a link, or the hub is slow: ask again under the same id.
                }
            }
        }
        catch (OperationCanceledException e) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw NoLink(e) ?? new TunnelException(TunnelError.HubUnreachable, $"No answer from {(target is { } mid ? mid.ToString() : "the hub")} in {timeout.TotalSeconds} s.", e);
        }
        finally
        {
            _pending.TryRemove(id, out _);
        }
    }

    /// <summary>Without a link, the reason for that is the news, and what its owner must act on; null while there is one.</summary>
    private TunnelException? NoLink(Exception inner)
    {
        TunnelError error = supervisor.LastErrorKind is TunnelError.NotEnrolled or TunnelError.ClockSkew or TunnelError.HubMidMismatch or TunnelError.UnsupportedVersion
            ? supervisor.LastErrorKind
            : TunnelError.HubUnreachable;
        return supervisor.Current is null && supervisor.LastError is { } why ? new TunnelException(error, $"This node has no link to a hub: {why}", inner) : null;
    }

    /// <summary>Takes RESOLVED and PONG frames, and UNREACHABLE of a PING. Only the one that was asked may answer.</summary>
    public void OnAnswer(Link link, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (_pending.TryGetValue(header.SessionId, out Request? request)
            && header.Type == (request.Type == FrameType.Resolve ? FrameType.Resolved : FrameType.Pong)
            && header.Source == (request.Target ?? link.PeerMid))
        {
            request.Answer.TrySetResult(payload.ToArray());
        }
    }

    /// <summary>A hub says that the target of a PING cannot be reached.</summary>
    public bool OnUnreachable(in FrameHeader header)
    {
        if (!_pending.TryGetValue(header.SessionId, out Request? request) || request.Target != header.Source)
        {
            return false;
        }
        request.Answer.TrySetException(new TunnelException(TunnelException.FromFrameReason(header.Reason), $"{header.Source} cannot be reached: {header.Reason}."));
        return true;
    }

    public static ulong NewId()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        // 0 is the heartbeat of links.
        return BinaryPrimitives.ReadUInt64BigEndian(bytes) | 1;
    }

    private sealed class Request(FrameType type, Mid? target)
    {
        public FrameType Type => type;
        public Mid? Target => target;
        public TaskCompletionSource<byte[]> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
