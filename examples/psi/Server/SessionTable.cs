using System.Collections.Concurrent;
using Psi.Crypto;
using Psi.Data;
using Psi.Protocol;

namespace Psi.Server;

/// <summary>The runs under way: few, bounded, forgotten after a quarter of an hour without a request.</summary>
internal sealed class SessionTable(Records records, TimeProvider time)
{
    internal const int MaxSessions = 16;
    internal static readonly TimeSpan IdleLimit = TimeSpan.FromMinutes(15);

    private readonly ConcurrentDictionary<string, PsiSession> _sessions = new(StringComparer.Ordinal);
    private readonly Lazy<byte[]> _points = new(() => HashAll(records));

    internal int Ids => records.Count;

    internal PsiSession Open(SessionRequest request)
    {
        if (request.Ids is < 1 or > Records.MaxIds || request.Batch is < 1 or > Batches.MaxSize)
        {
            throw ProtocolFault.Malformed($"A run has 1 to {Records.MaxIds} ids in batches of 1 to {Batches.MaxSize}.");
        }
        foreach ((string id, PsiSession old) in _sessions)
        {
            if (time.GetElapsedTime(old.LastUsed) > IdleLimit)
            {
                Close(id);
            }
        }
        if (_sessions.Count >= MaxSessions)
        {
            throw new ProtocolFault(StatusCodes.Status503ServiceUnavailable, "busy", $"{MaxSessions} runs are under way.");
        }
        PsiSession session = new(records, _points.Value, request.Ids, request.Batch) { LastUsed = time.GetTimestamp() };
        _sessions[session.Id] = session;
        return session;
    }

    /// <summary>A run, in use until the caller disposes it.</summary>
    internal PsiSession Find(string? id)
    {
        if (id is null || !_sessions.TryGetValue(id, out PsiSession? session) || !session.TryUse())
        {
            throw ProtocolFault.NotFound("There is no such run.");
        }
        session.LastUsed = time.GetTimestamp();
        return session;
    }

    /// <summary>Forgets a run. Its keys are cleared when the last request that uses them is through.</summary>
    internal void Close(string id)
    {
        if (_sessions.TryRemove(id, out PsiSession? session))
        {
            session.Dispose();
        }
    }

    private static byte[] HashAll(Records records)
    {
        byte[] points = new byte[(long)records.Count * Ristretto.PointBytes];
        Parallel.For(0, records.Count, i => HashToGroup.Hash(records.Ids[i], points.AsSpan(i * Ristretto.PointBytes, Ristretto.PointBytes)));
        return points;
    }
}
