using Qanat.Gm;
using Qanat.Tls.Certificates;

namespace Qanat.Tls.Tests.Certificates;

/// <summary>Revocation lists: issued, read, and used by chains.</summary>
public sealed class SmRevocationTests
{
    private static readonly TestPki s_pki = new();

    [Fact]
    public void A_list_is_read_as_it_was_issued()
    {
        SmCertificateRevocationList list = List(s_pki.Ca, s_pki.Sign, s_pki.Encrypt);
        SmCertificateRevocationList read = SmCertificateRevocationList.FromPem(list.ToPem());
        Assert.Equal(2, read.Count);
        Assert.True(read.IsSignedBy(s_pki.Ca.Certificate));
        Assert.False(read.IsSignedBy(s_pki.Root.Certificate));
        Assert.True(read.TryGetRevocation(s_pki.Sign.SerialNumber.Span, out DateTimeOffset at));
        Assert.Equal(TestPki.Now.AddHours(-1), at);
        Assert.False(read.TryGetRevocation(s_pki.Ca.Certificate.SerialNumber.Span, out _));
        Assert.Equal((TestPki.Now.AddHours(-1), TestPki.Now.AddDays(7)), (read.ThisUpdate, read.NextUpdate));
        Assert.Equal(0, List(s_pki.Ca).Count);
    }

    [Fact]
    public void Revoked_certificates_are_refused_at_every_place()
    {
        SmChainFailure sign = Only(SmChainError.Revoked, Validate([List(s_pki.Ca, s_pki.Sign)]));
        Assert.Equal((SmChainPosition.Sign, s_pki.Sign), (sign.Position, sign.Certificate));
        Assert.Equal(SmChainPosition.Encrypt, Only(SmChainError.Revoked, Validate([List(s_pki.Ca, s_pki.Encrypt)])).Position);
        Assert.Equal(SmChainPosition.Authority, Only(SmChainError.Revoked, Validate([List(s_pki.Root, s_pki.Ca.Certificate)])).Position);
        Assert.True(Validate([List(s_pki.Ca), List(s_pki.Root)]).IsValid);
        Assert.True(Validate([List(s_pki.Ca, s_pki.Sign)], new SmChainOptions { Revocation = SmRevocationMode.Off }).IsValid);
    }

    [Fact]
    public void A_list_that_is_too_old_or_of_another_key_proves_nothing_and_the_chain_is_refused()
    {
        SmCertificateRevocationList old = s_pki.Ca.IssueRevocationList([], 1, TestPki.Now.AddDays(-9), TestPki.Now.AddDays(-2));
        Assert.Contains("too old", Validate([old]).Failures[0].Message, StringComparison.Ordinal);
        Assert.Equal([SmChainError.RevocationUnknown, SmChainError.RevocationUnknown], Validate([old]).Failures.Select(f => f.Error));
        using Sm2 otherKey = Sm2.Create();
        SmCertificateAuthority namesake = TestPki.Authority(s_pki.Root, "CA", otherKey, 0);
        Assert.Contains("no revocation list verifies", Validate([List(namesake)]).Failures[0].Message, StringComparison.Ordinal);
        // A list of a namesake revokes nothing, whatever it names.
        Assert.True(Validate([List(namesake, s_pki.Sign), List(s_pki.Ca)]).IsValid);
        // An old list still revokes.
        SmCertificateRevocationList oldWithEntry = s_pki.Ca.IssueRevocationList([KeyValuePair.Create(s_pki.Sign.SerialNumber, TestPki.Now.AddDays(-9))], 1, TestPki.Now.AddDays(-9), TestPki.Now.AddDays(-2));
        Assert.Contains(SmChainError.Revoked, Validate([oldWithEntry, List(s_pki.Ca)]).Failures.Select(f => f.Error));
    }

    [Fact]
    public void Lists_can_be_required_for_every_authority()
    {
        SmChainOptions required = new() { Revocation = SmRevocationMode.Required };
        Assert.Equal([SmChainError.RevocationUnknown], Validate([List(s_pki.Ca)], required).Failures.Select(f => f.Error));
        Assert.True(Validate([List(s_pki.Ca), List(s_pki.Root)], required).IsValid);
    }

    [Fact]
    public void The_window_ends_with_the_list() => Assert.Equal(TestPki.Now.AddDays(7), Validate([List(s_pki.Ca)]).ValidUntil);

    [Fact]
    public void An_authority_without_the_usage_can_neither_issue_nor_be_believed()
    {
        SmCertificate ca = (s_pki.ForgedCa with { KeyUsage = SmKeyUsage.KeyCertSign }).Sign(s_pki.RootKey);
        Assert.Throws<InvalidOperationException>(() => List(new SmCertificateAuthority(ca, s_pki.CaKey)));
        Assert.False(List(s_pki.Ca).IsSignedBy(ca));
    }

    [Fact]
    public void Any_change_of_a_list_gives_a_typed_error_or_a_list_whose_signature_fails()
    {
        byte[] der = List(s_pki.Ca, s_pki.Sign, s_pki.Encrypt).RawData.ToArray();
        Random random = new(6);
        for (int i = 0; i < 4000; i++)
        {
            byte[] mutated = DerMutation.Next(random, der);
            try
            {
                Assert.Equal(mutated.AsSpan().SequenceEqual(der), SmCertificateRevocationList.Parse(mutated).IsSignedBy(s_pki.Ca.Certificate));
            }
            catch (SmCertificateException)
            {
            }
        }
    }

    private static SmCertificateRevocationList List(SmCertificateAuthority authority, params SmCertificate[] revoked) => authority.IssueRevocationList(
        [.. revoked.Select(c => KeyValuePair.Create(c.SerialNumber, TestPki.Now.AddHours(-1)))], 7, TestPki.Now.AddHours(-1), TestPki.Now.AddDays(7));

    private static SmChainResult Validate(SmCertificateRevocationList[] lists, SmChainOptions? options = null) =>
        new SmChainValidator(new SmTrustStore([s_pki.Root.Certificate], revocationLists: lists), options).Validate(s_pki.Pair, SmChainRequest.Server(TestPki.Host, SmChainForm.Pair), TestPki.Now);

    private static SmChainFailure Only(SmChainError error, SmChainResult result)
    {
        Assert.Equal([error], result.Failures.Select(f => f.Error));
        return result.Failures[0];
    }
}
