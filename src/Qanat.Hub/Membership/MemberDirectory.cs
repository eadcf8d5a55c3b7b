using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Qanat.Hub.Quotas;
using Qanat.Tunnel.Identity;
using Qanat.Wire;
using Qanat.Wire.Handshake;

namespace Qanat.Hub.Membership;

/// <summary>
/// The authority for this hub's own members: reads from memory, writes through the store first. Thread-safe.
/// Writing members throw <see cref="DirectoryUnavailableException"/> when the disk refuses; memory is unchanged then.
/// </summary>
internal sealed class MemberDirectory
{
    /// <summary>Most revocations kept of one other hub.</summary>
    public const int MaxRevocationsPerHub = 100_000;

    private readonly Lock _write = new();
    private readonly Lock _saving = new();
    private readonly List<Revocation> _unsaved = [];
    private readonly ConcurrentDictionary<Mid, Participant> _participants = new();
    private readonly ConcurrentDictionary<string, Mid> _names = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, IssuedToken> _tokens = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(Mid Mid, Mid Hub), Revocation> _foreignRevocations = new();
    private readonly DirectoryStore _store;
    private readonly TimeProvider _time;

    /// <summary>Loads the directory.</summary>
    public MemberDirectory(DirectoryStore store, TimeProvider time)
    {
        (_store, _time) = (store, time);
        foreach (Participant participant in store.LoadParticipants())
        {
            _participants[participant.Mid] = participant;
            _names[participant.Name] = participant.Mid;
        }
        foreach (IssuedToken token in store.LoadTokens())
        {
            _tokens[token.Id] = token;
        }
        foreach (Revocation revocation in store.LoadForeignRevocations())
        {
            _foreignRevocations[(revocation.Mid, revocation.Hub)] = revocation;
        }
    }

    /// <summary>All participants.</summary>
    public ICollection<Participant> Participants => _participants.Values;

    /// <summary>All tokens.</summary>
    public ICollection<IssuedToken> Tokens => _tokens.Values;

    /// <summary>Own revocations, to be told to other hubs.</summary>
    public IEnumerable<Participant> Revoked => _participants.Values.Where(p => !p.Active);

    /// <summary>The participant of a mid, revoked or not.</summary>
    public bool TryGet(Mid mid, [NotNullWhen(true)] out Participant? participant) => _participants.TryGetValue(mid, out participant);

    /// <summary>The participant of a name within this hub.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out Participant? participant)
    {
        participant = null;
        return _names.TryGetValue(name, out Mid mid) && _participants.TryGetValue(mid, out participant);
    }

    /// <summary>Has the member's home hub revoked it?</summary>
    public bool IsRevokedBy(Mid mid, Mid homeHub) => _foreignRevocations.ContainsKey((mid, homeHub));

    /// <summary>Makes a token and returns it with its secret in the text form <c>ID.SECRET</c>: the only time the secret is shown.</summary>
    public (IssuedToken Token, string Text) CreateToken(string? name, TimeSpan lifetime)
    {
        using EnrolmentToken made = EnrolmentToken.Create();
        DateTimeOffset now = _time.GetUtcNow();
        IssuedToken token = new(made.Id, made.Secret.ToArray(), name, now, now + lifetime, null);
        lock (_write)
        {
            _store.AddToken(token);
            _tokens[token.Id] = token;
        }
        return (token, made.DangerousExport());
    }

    /// <summary>Deletes a token.</summary>
    public bool DeleteToken(string id)
    {
        lock (_write)
        {
            bool deleted = _store.DeleteToken(id);
            return _tokens.TryRemove(id, out _) || deleted;
        }
    }

    /// <summary>Deletes tokens that have expired unspent.</summary>
    public void DeleteExpiredTokens()
    {
        DateTimeOffset now = _time.GetUtcNow();
        IssuedToken[] expired = [.. _tokens.Values.Where(t => t.SpentBy is null && t.ExpiresAt <= now)];
        if (expired.Length == 0)
        {
            return;
        }
        lock (_write)
        {
            _store.DeleteExpiredTokens(now);
            foreach (IssuedToken token in expired)
            {
                _tokens.TryRemove(token.Id, out _);
            }
        }
    }

    /// <summary>
    /// Enrols a key whose owner has proven possession. With a token, <paramref name="proves"/> is asked whether the enrolment MAC holds
    /// under the token's secret. One token enrols one mid, whatever races.
    /// </summary>
    public EnrolmentResult EnrolWithToken(Mid mid, byte[] subjectPublicKeyInfo, string tokenId, string? requestedName, Func<byte[], bool> proves)
    {
        lock (_write)
        {
            if (!_tokens.TryGetValue(tokenId, out IssuedToken? token) || token.Secret is null || !proves(token.Secret))
            {
                // One answer for unknown, spent and wrong: a guesser learns nothing.
                return EnrolmentResult.Refused(LinkRefusal.InvalidToken, "The enrolment token is unknown, spent or wrong. Ask the hub's operator for a new one.");
            }
            if (token.ExpiresAt <= _time.GetUtcNow())
            {
                return EnrolmentResult.Refused(LinkRefusal.SpentToken, "The enrolment token has expired. Ask the hub's operator for a new one.");
            }
            return Enrol(mid, subjectPublicKeyInfo, token.Name ?? requestedName, "token:" + token.Id, token);
        }
    }

    /// <summary>Enrols a key named by a certificate of the organisation CA; the caller has checked the chain.</summary>
    public EnrolmentResult EnrolWithCertificate(Mid mid, byte[] subjectPublicKeyInfo, string name, string subject)
    {
        lock (_write)
        {
            return Enrol(mid, subjectPublicKeyInfo, name, "ca:" + subject, null);
        }
    }

    /// <summary>Revokes a member for good.</summary>
    /// <returns>False when it is no member or was revoked before.</returns>
    public bool Revoke(Mid mid)
    {
        lock (_write)
        {
            if (!_participants.TryGetValue(mid, out Participant? participant) || !participant.Active)
            {
                return false;
            }
            DateTimeOffset now = _time.GetUtcNow();
            _store.Revoke(mid, now);
            _participants[mid] = participant with { RevokedAt = now };
            return true;
        }
    }

    /// <summary>Sets a member's own quotas.</summary>
    public bool SetQuotas(Mid mid, QuotaOverrides quotas)
    {
        lock (_write)
        {
            if (!_participants.TryGetValue(mid, out Participant? participant))
            {
                return false;
            }
            _store.SetQuotas(mid, quotas);
            _participants[mid] = participant with { Quotas = quotas };
            return true;
        }
    }

    /// <summary>Adds to members' byte counts.</summary>
    public void AddBytes(IReadOnlyList<(Mid Mid, long From, long To)> deltas)
    {
        lock (_write)
        {
            _store.AddBytes(deltas);
            foreach ((Mid mid, long from, long to) in deltas)
            {
                if (_participants.TryGetValue(mid, out Participant? p))
                {
                    _participants[mid] = p with { BytesFrom = p.BytesFrom + from, BytesTo = p.BytesTo + to };
                }
            }
        }
    }

    /// <summary>
    /// Keeps revocations another hub has signed about its own members, at most <see cref="MaxRevocationsPerHub"/> of one hub. Returns those that are new.
    /// In force at once; on disk after <see cref="SaveForeignRevocations"/>, since they are heard on receive loops, which must not wait for the disk.
    /// </summary>
    public IReadOnlyList<Revocation> AddForeignRevocations(Mid hub, IEnumerable<(Mid Member, DateTimeOffset At)> revocations)
    {
        lock (_write)
        {
            Revocation[] news = [.. revocations.DistinctBy(r => r.Member).Where(r => !IsRevokedBy(r.Member, hub)).Select(r => new Revocation(r.Member, hub, r.At))];
            if (news.Length > 0 && MaxRevocationsPerHub - _foreignRevocations.Count(r => r.Key.Hub == hub) is var room && room < news.Length)
            {
                news = news[..Math.Max(0, room)];
            }
            foreach (Revocation revocation in news)
            {
                _foreignRevocations[(revocation.Mid, revocation.Hub)] = revocation;
            }
            _unsaved.AddRange(news);
            return news;
        }
    }

    /// <summary>Foreign revocations that are not on disk yet.</summary>
    public int UnsavedRevocations
    {
        get
        {
            lock (_write)
            {
                return _unsaved.Count;
            }
        }
    }

    /// <summary>Writes the foreign revocations heard since the last time, in one transaction.</summary>
    /// <exception cref="DirectoryUnavailableException">The disk refused; they wait for the next time.</exception>
    public void SaveForeignRevocations()
    {
        lock (_saving)
        {
            Revocation[] unsaved;
            lock (_write)
            {
                unsaved = [.. _unsaved];
            }
            if (unsaved.Length > 0)
            {
                _store.AddForeignRevocations(unsaved);
                lock (_write)
                {
                    _unsaved.RemoveRange(0, unsaved.Length);
                }
            }
        }
    }

    private EnrolmentResult Enrol(Mid mid, byte[] subjectPublicKeyInfo, string? requestedName, string by, IssuedToken? token)
    {
        if (_participants.TryGetValue(mid, out Participant? known))
        {
            return known.Active ? EnrolmentResult.Welcome(known) : EnrolmentResult.Refused(LinkRefusal.Revoked, "This member was revoked. It needs a new key to enrol again.");
        }
        if (!ParticipantName.TryNormalize(requestedName, out string? name))
        {
            return EnrolmentResult.Refused(LinkRefusal.InvalidName, $"The participant name '{ParticipantName.ForDisplay(requestedName)}' must be 1 to 63 characters of a-z, 0-9 and '-', not at either end.");
        }
        if (_names.ContainsKey(name))
        {
            return EnrolmentResult.Refused(LinkRefusal.NameTaken, $"The participant name '{name}' is taken at this hub.");
        }
        Participant participant = new(mid, name, subjectPublicKeyInfo, _time.GetUtcNow(), by, null, QuotaOverrides.None, 0, 0);
        if (!_store.Enrol(participant, token?.Id))
        {
            return EnrolmentResult.Refused(LinkRefusal.SpentToken, "The enrolment token was spent just now.");
        }
        _participants[mid] = participant;
        _names[name] = mid;
        if (token is not null)
        {
            // Spent, and only then: a token that was shown by a member already enrolled stays what it was.
            CryptographicOperations.ZeroMemory(token.Secret);
            _tokens[token.Id] = token with { Secret = null, SpentBy = mid };
        }
        return EnrolmentResult.Welcome(participant);
    }
}

/// <summary>Outcome of an enrolment.</summary>
/// <param name="Participant">The member; null when refused.</param>
/// <param name="Refusal">A line for a person when refused.</param>
/// <param name="Code">Refusal code for the node.</param>
internal sealed record EnrolmentResult(Participant? Participant, string? Refusal, LinkRefusal Code)
{
    public static EnrolmentResult Welcome(Participant participant) => new(participant, null, LinkRefusal.None);

    public static EnrolmentResult Refused(LinkRefusal code, string why) => new(null, why, code);
}
