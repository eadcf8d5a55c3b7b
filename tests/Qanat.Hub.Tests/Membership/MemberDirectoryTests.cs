using Qanat.Hub.Membership;
using Qanat.Hub.Quotas;
using static Qanat.Hub.Tests.Routing.RouterFixture;

namespace Qanat.Hub.Tests.Membership;

public sealed class MemberDirectoryTests : IDisposable
{
    private readonly DirectoryFixture _f = new();

    public void Dispose() => _f.Dispose();

    private EnrolmentResult Enrol(int n, string token, string? name = null, bool proves = true) =>
        _f.Members.EnrolWithToken(MidOf(n), [1, 2, 3], token, name ?? $"member-{n}", _ => proves);

    [Fact]
    public void One_token_enrols_one_mid_whatever_races()
    {
        for (int round = 0; round < 20; round++)
        {
            (IssuedToken token, _) = _f.Members.CreateToken(null, TimeSpan.FromHours(1));
            using Barrier barrier = new(8);
            EnrolmentResult[] results = new EnrolmentResult[8];
            Thread[] threads = [.. Enumerable.Range(0, 8).Select(i => new Thread(() =>
            {
                barrier.SignalAndWait();
                results[i] = Enrol((round * 8) + i, token.Id);
            }))];
            Array.ForEach(threads, t => t.Start());
            Array.ForEach(threads, t => t.Join());
            Assert.Single(results, r => r.Participant is not null);
        }
        Assert.Equal(20, _f.Store.LoadParticipants().Count);
    }

    [Fact]
    public void Spending_is_atomic_in_the_store_too()
    {
        (IssuedToken token, _) = _f.Members.CreateToken(null, TimeSpan.FromHours(1));
        Participant Make(int n) => new(MidOf(n), $"p{n}", [1], _f.Time.GetUtcNow(), "token", null, QuotaOverrides.None, 0, 0);
        Assert.True(_f.Store.Enrol(Make(1), token.Id));
        Assert.False(_f.Store.Enrol(Make(2), token.Id));
        Assert.False(_f.Store.Enrol(Make(3), "no-such-token"));
        Assert.Equal(MidOf(1), Assert.Single(_f.Store.LoadParticipants()).Mid);
    }

    [Fact]
    public void A_token_shown_by_a_member_already_enrolled_keeps_its_secret()
    {
        (IssuedToken first, _) = _f.Members.CreateToken(null, TimeSpan.FromHours(1));
        (IssuedToken second, _) = _f.Members.CreateToken(null, TimeSpan.FromHours(1));
        byte[] secret = [.. second.Secret!];
        Assert.NotNull(Enrol(1, first.Id).Participant);
        Assert.NotNull(Enrol(1, second.Id).Participant);
        Assert.Null(_f.Members.EnrolWithToken(MidOf(2), [1], second.Id, "thief", shown => shown.All(b => b == 0)).Participant);
        Assert.NotNull(_f.Members.EnrolWithToken(MidOf(3), [1], second.Id, "member-3", shown => shown.SequenceEqual(secret)).Participant);
    }

    [Fact]
    public void A_refused_name_does_not_spend_the_token()
    {
        (IssuedToken token, _) = _f.Members.CreateToken(null, TimeSpan.FromHours(1));
        Assert.Null(Enrol(1, token.Id, "not a name!").Participant);
        Assert.NotNull(Enrol(1, token.Id, "Fine-Name").Participant);
        Assert.True(_f.Members.TryGet("fine-name", out _));
        (IssuedToken second, _) = _f.Members.CreateToken(null, TimeSpan.FromHours(1));
        EnrolmentResult taken = Enrol(2, second.Id, "fine-name");
        Assert.Null(taken.Participant);
        Assert.Contains("taken", taken.Refusal, StringComparison.Ordinal);
        Assert.NotNull(Enrol(2, second.Id, "other").Participant);
    }

    [Fact]
    public void A_token_for_a_name_gives_that_name()
    {
        (IssuedToken token, _) = _f.Members.CreateToken("hospital-b", TimeSpan.FromHours(1));
        Assert.Equal("hospital-b", Enrol(1, token.Id, "bank").Participant!.Name);
    }

    [Fact]
    public void Wrong_spent_expired_and_unknown_tokens_are_refused()
    {
        (IssuedToken token, _) = _f.Members.CreateToken(null, TimeSpan.FromHours(1));
        Assert.Null(Enrol(1, token.Id, proves: false).Participant);
        Assert.Null(Enrol(1, "unknown").Participant);
        _f.Time.Advance(TimeSpan.FromHours(1));
        Assert.Contains("expired", Enrol(1, token.Id).Refusal, StringComparison.Ordinal);
        _f.Members.DeleteExpiredTokens();
        Assert.Empty(_f.Store.LoadTokens());
        (IssuedToken deleted, _) = _f.Members.CreateToken(null, TimeSpan.FromHours(1));
        Assert.True(_f.Members.DeleteToken(deleted.Id));
        Assert.Null(Enrol(1, deleted.Id).Participant);
        Assert.Empty(_f.Members.Participants);
    }

    [Fact]
    public void The_secret_is_gone_from_disk_once_spent()
    {
        (IssuedToken token, string text) = _f.Members.CreateToken(null, TimeSpan.FromHours(1));
        byte[] secret = [.. token.Secret!];
        Assert.EndsWith(System.Buffers.Text.Base64Url.EncodeToString(secret), text, StringComparison.Ordinal);
        Assert.NotNull(Enrol(1, token.Id).Participant);
        IssuedToken spent = Assert.Single(_f.Store.LoadTokens());
        Assert.Null(spent.Secret);
        Assert.Equal(MidOf(1), spent.SpentBy);
        // Closing checkpoints the log; secure_delete overwrites the old row.
        _f.Store.Dispose();
        Assert.Equal(-1, File.ReadAllBytes(_f.Path).AsSpan().IndexOf(secret));
        _f.Open();
    }

    [Fact]
    public void The_same_mid_may_enrol_again_without_spending()
    {
        (IssuedToken first, _) = _f.Members.CreateToken(null, TimeSpan.FromHours(1));
        (IssuedToken second, _) = _f.Members.CreateToken(null, TimeSpan.FromHours(1));
        Assert.NotNull(Enrol(1, first.Id).Participant);
        Assert.NotNull(Enrol(1, second.Id).Participant);
        Assert.NotNull(Enrol(2, second.Id).Participant);
    }

    [Fact]
    public void Everything_survives_a_reopening_without_a_clean_close()
    {
        (IssuedToken spent, _) = _f.Members.CreateToken(null, TimeSpan.FromHours(1));
        (IssuedToken open, _) = _f.Members.CreateToken("kept", TimeSpan.FromHours(1));
        Enrol(1, spent.Id);
        _f.Members.SetQuotas(MidOf(1), new QuotaOverrides(BytesPerSecond: 5, QueueBytes: 7));
        _f.Members.AddBytes([(MidOf(1), 10, 20)]);
        _f.Members.AddBytes([(MidOf(1), 1, 2)]);
        _f.Members.AddForeignRevocations(OtherHub, [(MidOf(8), _f.Time.GetUtcNow())]);
        _f.Members.SaveForeignRevocations();
        _f.Members.Revoke(MidOf(1));
        // As after kill -9: a copy of the files as they are now, log included, opened afresh.
        string copy = Path.Combine(_f.Folder, "copy.db");
        foreach (string suffix in new[] { "", "-wal" })
        {
            File.Copy(_f.Path + suffix, copy + suffix);
        }
        using DirectoryStore store = new(copy);
        MemberDirectory again = new(store, _f.Time);
        Assert.True(again.TryGet("member-1", out Participant? p));
        Assert.False(p.Active);
        Assert.Equal(new QuotaOverrides(BytesPerSecond: 5, QueueBytes: 7), p.Quotas);
        Assert.Equal((11, 22), (p.BytesFrom, p.BytesTo));
        Assert.Equal([1, 2, 3], p.SubjectPublicKeyInfo);
        Assert.True(again.IsRevokedBy(MidOf(8), OtherHub));
        Assert.Equal(open.Secret, again.Tokens.Single(t => t.Id == open.Id).Secret);
        Assert.Null(again.EnrolWithToken(MidOf(5), [1], spent.Id, "x", _ => true).Participant);
    }

    [Fact]
    public void A_full_disk_refuses_clearly_changes_nothing_and_heals()
    {
        (IssuedToken token, _) = _f.Members.CreateToken(null, TimeSpan.FromHours(1));
        _f.Store.Execute("PRAGMA max_page_count = 1");
        byte[] large = new byte[100_000];
        DirectoryUnavailableException e = Assert.Throws<DirectoryUnavailableException>(() =>
            _f.Members.EnrolWithToken(MidOf(1), large, token.Id, "one", _ => true));
        Assert.Contains("disk is full", e.Message, StringComparison.Ordinal);
        Assert.False(_f.Members.TryGet(MidOf(1), out _));
        _f.Store.Execute("PRAGMA max_page_count = 1000000");
        Assert.NotNull(_f.Members.EnrolWithToken(MidOf(1), large, token.Id, "one", _ => true).Participant);
    }

    [Fact]
    public void A_revoked_member_cannot_enrol_again()
    {
        (IssuedToken token, _) = _f.Members.CreateToken(null, TimeSpan.FromHours(1));
        (IssuedToken other, _) = _f.Members.CreateToken(null, TimeSpan.FromHours(1));
        Enrol(1, token.Id);
        Assert.True(_f.Members.Revoke(MidOf(1)));
        Assert.False(_f.Members.Revoke(MidOf(1)));
        Assert.Contains("revoked", Enrol(1, other.Id).Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_a_newer_version_is_refused()
    {
        _f.Store.Execute("PRAGMA user_version = 99");
        _f.Store.Dispose();
        Assert.Contains("99", Assert.Throws<InvalidDataException>(() => new DirectoryStore(_f.Path)).Message, StringComparison.Ordinal);
        File.Delete(_f.Path);
        _f.Open();
    }
}
