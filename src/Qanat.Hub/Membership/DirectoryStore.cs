using System.Globalization;
using Microsoft.Data.Sqlite;
using Qanat.Hub.Quotas;
using Qanat.Wire;

namespace Qanat.Hub.Membership;

/// <summary>
/// The hub's directory on disk: SQLite in WAL mode with full sync, one connection, one writer at a time. Every change is one transaction: after
/// kill -9 or a power cut it is there whole or not at all. Thread-safe. Throws <see cref="DirectoryUnavailableException"/> when the disk refuses.
/// </summary>
internal sealed class DirectoryStore : IDisposable
{
    private readonly Lock _lock = new();
    private readonly SqliteConnection _connection;

    /// <summary>Opens or creates the file and brings its schema up to date.</summary>
    /// <exception cref="InvalidDataException">The file was written by a newer version.</exception>
    public DirectoryStore(string path)
    {
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false, DefaultTimeout = 5 }.ToString());
        try
        {
            _connection.Open();
            Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;");
            DirectorySchema.Migrate(_connection, path);
        }
        catch
        {
            _connection.Dispose();
            throw;
        }
    }

    /// <summary>All participants, revoked ones too.</summary>
    public IReadOnlyList<Participant> LoadParticipants() => Query(
        "SELECT mid, name, spki, enrolled_at, enrolled_by, revoked_at, q_bytes, q_sessions, q_opens, q_queue, bytes_from, bytes_to FROM participants",
        r => new Participant(
            Mid.Read((byte[])r[0]), r.GetString(1), (byte[])r[2], Time(r, 3)!.Value, r.GetString(4), Time(r, 5),
            new QuotaOverrides(Long(r, 6), (int?)Long(r, 7), (int?)Long(r, 8), Long(r, 9)), r.GetInt64(10), r.GetInt64(11)));

    /// <summary>All tokens, spent ones too.</summary>
    public IReadOnlyList<IssuedToken> LoadTokens() => Query(
        "SELECT id, secret, name, created_at, expires_at, spent_by FROM tokens",
        r => new IssuedToken(r.GetString(0), Blob(r, 1), r.IsDBNull(2) ? null : r.GetString(2), Time(r, 3)!.Value, Time(r, 4)!.Value,
            Blob(r, 5) is { } mid ? Mid.Read(mid) : null));

    /// <summary>Revocations heard from other hubs.</summary>
    public IReadOnlyList<Revocation> LoadForeignRevocations() => Query(
        "SELECT mid, hub, at FROM foreign_revocations", r => new Revocation(Mid.Read((byte[])r[0]), Mid.Read((byte[])r[1]), Time(r, 2)!.Value));

    /// <summary>Signed hub records, as received.</summary>
    public IReadOnlyList<byte[]> LoadHubs() => Query("SELECT record FROM hubs", r => (byte[])r[0]);

    /// <summary>Enters a participant and, in the same transaction, spends its token.</summary>
    /// <returns>False when the token was spent, deleted or never there, or the name or mid is taken: nothing was changed.</returns>
    public bool Enrol(Participant participant, string? tokenId) => Write(transaction =>
    {
        if (tokenId is not null && Run(
            "UPDATE tokens SET secret = NULL, spent_by = $mid WHERE id = $id AND spent_by IS NULL AND secret IS NOT NULL", transaction,
            ("$id", tokenId), ("$mid", participant.Mid.ToArray())) != 1)
        {
            return false;
        }
        return Run(
            """
            INSERT INTO participants (mid, name, spki, enrolled_at, enrolled_by, bytes_from, bytes_to)
            VALUES ($mid, $name, $spki, $at, $by, 0, 0) ON CONFLICT DO NOTHING
            """, transaction,
            ("$mid", participant.Mid.ToArray()), ("$name", participant.Name), ("$spki", participant.SubjectPublicKeyInfo),
            ("$at", participant.EnrolledAt.ToUnixTimeMilliseconds()), ("$by", participant.EnrolledBy)) == 1;
    });

    /// <summary>Marks a participant as revoked.</summary>
    public bool Revoke(Mid mid, DateTimeOffset at) => Write(transaction =>
        Run("UPDATE participants SET revoked_at = $at WHERE mid = $mid AND revoked_at IS NULL", transaction,
            ("$mid", mid.ToArray()), ("$at", at.ToUnixTimeMilliseconds())) == 1);

    /// <summary>Sets a participant's own quotas.</summary>
    public bool SetQuotas(Mid mid, QuotaOverrides quotas) => Write(transaction =>
        Run("UPDATE participants SET q_bytes = $b, q_sessions = $s, q_opens = $o, q_queue = $q WHERE mid = $mid", transaction,
            ("$mid", mid.ToArray()), ("$b", quotas.BytesPerSecond), ("$s", quotas.Sessions), ("$o", quotas.OpensPerSecond), ("$q", quotas.QueueBytes)) == 1);

    /// <summary>Adds to the byte counts of many participants in one transaction.</summary>
    public bool AddBytes(IReadOnlyList<(Mid Mid, long From, long To)> deltas) => Write(transaction =>
    {
        foreach ((Mid mid, long from, long to) in deltas)
        {
            Run("UPDATE participants SET bytes_from = bytes_from + $f, bytes_to = bytes_to + $t WHERE mid = $mid", transaction,
                ("$mid", mid.ToArray()), ("$f", from), ("$t", to));
        }
        return true;
    });

    /// <summary>Enters a token.</summary>
    public bool AddToken(IssuedToken token) => Write(transaction =>
        Run("INSERT INTO tokens (id, secret, name, created_at, expires_at) VALUES ($id, $secret, $name, $created, $expires)", transaction,
            ("$id", token.Id), ("$secret", token.Secret), ("$name", token.Name),
            ("$created", token.CreatedAt.ToUnixTimeMilliseconds()), ("$expires", token.ExpiresAt.ToUnixTimeMilliseconds())) == 1);

    /// <summary>Deletes a token.</summary>
    public bool DeleteToken(string id) => Write(transaction => Run("DELETE FROM tokens WHERE id = $id", transaction, ("$id", id)) == 1);

    /// <summary>Deletes tokens that expired before a time.</summary>
    public bool DeleteExpiredTokens(DateTimeOffset before) => Write(transaction =>
        Run("DELETE FROM tokens WHERE spent_by IS NULL AND expires_at <= $t", transaction, ("$t", before.ToUnixTimeMilliseconds())) > 0);

    /// <summary>Keeps revocations heard from other hubs.</summary>
    public bool AddForeignRevocations(IReadOnlyList<Revocation> revocations) => Write(transaction =>
    {
        foreach (Revocation revocation in revocations)
        {
            Run("INSERT INTO foreign_revocations (mid, hub, at) VALUES ($mid, $hub, $at) ON CONFLICT DO NOTHING", transaction,
                ("$mid", revocation.Mid.ToArray()), ("$hub", revocation.Hub.ToArray()), ("$at", revocation.At.ToUnixTimeMilliseconds()));
        }
        return true;
    });

    /// <summary>Keeps the newest record of a hub.</summary>
    public bool SaveHub(Mid mid, byte[] record) => Write(transaction =>
        Run("INSERT INTO hubs (mid, record) VALUES ($mid, $record) ON CONFLICT (mid) DO UPDATE SET record = $record", transaction,
            ("$mid", mid.ToArray()), ("$record", record)) == 1);

    /// <summary>Forgets a hub.</summary>
    public bool DeleteHub(Mid mid) => Write(transaction => Run("DELETE FROM hubs WHERE mid = $mid", transaction, ("$mid", mid.ToArray())) == 1);

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _connection.Dispose();
        }
    }

    /// <summary>Runs SQL that returns nothing: for the schema, and for tests that provoke a full disk.</summary>
    internal void Execute(string sql)
    {
        using SqliteCommand command = _connection.CreateCommand();
#pragma warning disable CA2100 // Constant SQL only.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    private bool Write(Func<SqliteTransaction, bool> change)
    {
        lock (_lock)
        {
            try
            {
                // Immediate: the write lock is taken at once. Disposing without a commit rolls back.
                using SqliteTransaction transaction = _connection.BeginTransaction(deferred: false);
                bool changed = change(transaction);
                if (changed)
                {
                    transaction.Commit();
                }
                return changed;
            }
            catch (SqliteException e)
            {
                throw new DirectoryUnavailableException(
                    string.Create(CultureInfo.InvariantCulture, $"The hub's directory cannot be written (SQLite {e.SqliteErrorCode}: {Explain(e)}). Relaying goes on."), e);
            }
        }
    }

    private List<T> Query<T>(string sql, Func<SqliteDataReader, T> row)
    {
        lock (_lock)
        {
            using SqliteCommand command = _connection.CreateCommand();
#pragma warning disable CA2100 // Constant SQL only.
            command.CommandText = sql;
#pragma warning restore CA2100
            using SqliteDataReader reader = command.ExecuteReader();
            List<T> rows = [];
            while (reader.Read())
            {
                rows.Add(row(reader));
            }
            return rows;
        }
    }

    private int Run(string sql, SqliteTransaction transaction, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using SqliteCommand command = _connection.CreateCommand();
#pragma warning disable CA2100 // Constant SQL with parameters only.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.Transaction = transaction;
        foreach ((string name, object? value) in parameters)
        {
            command.Parameters.AddWithValue(name, value ?? DBNull.Value);
        }
        return command.ExecuteNonQuery();
    }

    private static string Explain(SqliteException e) => e.SqliteErrorCode switch
    {
        13 => "the disk is full; free space in the data folder",
        8 => "the file is read-only; check the data folder's permissions",
        5 or 6 => "another process holds the file",
        10 => "disk I/O error",
        11 or 26 => "the file is damaged; restore it from a backup",
        _ => e.Message,
    };

    private static byte[]? Blob(SqliteDataReader r, int i) => r.IsDBNull(i) ? null : (byte[])r[i];

    private static long? Long(SqliteDataReader r, int i) => r.IsDBNull(i) ? null : r.GetInt64(i);

    private static DateTimeOffset? Time(SqliteDataReader r, int i) => r.IsDBNull(i) ? null : DateTimeOffset.FromUnixTimeMilliseconds(r.GetInt64(i));
}
