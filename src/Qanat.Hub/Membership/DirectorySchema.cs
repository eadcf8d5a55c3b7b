using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Qanat.Hub.Membership;

/// <summary>Versions of the directory's tables. <c>user_version</c> says how many migrations a file has had.</summary>
internal static class DirectorySchema
{
    private static readonly string[] s_migrations =
    [
        """
        CREATE TABLE participants (
            mid BLOB PRIMARY KEY CHECK (length(mid) = 16),
            name TEXT NOT NULL UNIQUE,
            spki BLOB NOT NULL,
            enrolled_at INTEGER NOT NULL,
            enrolled_by TEXT NOT NULL,
            revoked_at INTEGER,
            q_bytes INTEGER, q_sessions INTEGER, q_opens INTEGER, q_queue INTEGER,
            bytes_from INTEGER NOT NULL, bytes_to INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE tokens (
            id TEXT PRIMARY KEY,
            secret BLOB,
            name TEXT,
            created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            spent_by BLOB) WITHOUT ROWID;
        CREATE TABLE foreign_revocations (
            mid BLOB NOT NULL, hub BLOB NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (mid, hub)) WITHOUT ROWID;
        CREATE TABLE hubs (mid BLOB PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
        """,
    ];

    /// <summary>Runs the migrations a file has not had, each in its own transaction with the new version number.</summary>
    public static void Migrate(SqliteConnection connection, string path)
    {
        using SqliteCommand read = connection.CreateCommand();
        read.CommandText = "PRAGMA user_version";
        long version = (long)read.ExecuteScalar()!;
        if (version > s_migrations.Length)
        {
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture,
                $"'{path}' has schema version {version}, this program knows up to {s_migrations.Length}. Use the newer program, or restore an older backup."));
        }
        for (; version < s_migrations.Length; version++)
        {
            using SqliteTransaction transaction = connection.BeginTransaction();
            using SqliteCommand command = connection.CreateCommand();
            command.Transaction = transaction;
#pragma warning disable CA2100 // Constant SQL only.
            command.CommandText = string.Create(CultureInfo.InvariantCulture, $"{s_migrations[version]}; PRAGMA user_version = {version + 1};");
#pragma warning restore CA2100
            command.ExecuteNonQuery();
            transaction.Commit();
        }
    }
}
