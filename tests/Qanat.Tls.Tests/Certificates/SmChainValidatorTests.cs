using System.Formats.Asn1;
using Qanat.Gm;
using Qanat.Tls.Certificates;

namespace Qanat.Tls.Tests.Certificates;

/// <summary>Each mistake with a chain gives its own failure that names the certificate; the good chain passes.</summary>
public sealed class SmChainValidatorTests
{
    private static readonly TestPki s_pki = new();

    [Fact]
    public void The_good_pair_is_accepted_for_servers_and_clients_and_as_a_single_chain()
    {
        SmChainResult result = s_pki.Validate(s_pki.Pair);
        Assert.True(result.IsValid, result.ToString());
        Assert.Equal([s_pki.Sign, s_pki.Ca.Certificate, s_pki.Root.Certificate], result.Path);
        Assert.Same(s_pki.Encrypt, result.EncryptCertificate);
        SmChainValidator validator = new(s_pki.Trust);
        Assert.True(validator.Validate(s_pki.Pair, SmChainRequest.Client(SmChainForm.Pair), TestPki.Now).IsValid);
        Assert.True(validator.Validate([s_pki.Sign, s_pki.Ca.Certificate], SmChainRequest.Client(SmChainForm.One), TestPki.Now).IsValid);
    }

    [Fact]
    public void The_window_of_validity_is_that_of_the_tightest_certificate()
    {
        SmChainResult result = s_pki.Validate(s_pki.Pair);
        Assert.Equal((TestPki.Now.AddDays(-1), TestPki.Now.AddDays(90)), (result.ValidFrom, result.ValidUntil));
    }

    [Fact]
    public void Swapped_certificates_are_told_so()
    {
        SmChainFailure failure = Only(SmChainError.CertificatesSwapped, s_pki.Validate(s_pki.Encrypt, s_pki.Sign, s_pki.Ca.Certificate));
        Assert.Contains("signing certificate first", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_certificate_or_key_twice_is_refused()
    {
        Only(SmChainError.CertificatesIdentical, s_pki.Validate(s_pki.Sign, s_pki.Sign, s_pki.Ca.Certificate));
        ForgedCertificate sameKey = s_pki.ForgedEncrypt with { PublicKeyInfo = s_pki.Sign.SubjectPublicKeyInfo.ToArray() };
        Only(SmChainError.CertificatesIdentical, s_pki.Validate(s_pki.Sign, sameKey.Sign(s_pki.CaKey), s_pki.Ca.Certificate));
    }

    [Fact]
    public void A_missing_encryption_certificate_is_told_and_accepted_only_where_one_is_enough()
    {
        SmCertificate[] single = [s_pki.Sign, s_pki.Ca.Certificate];
        Only(SmChainError.EncryptCertificateMissing, s_pki.Validate(single));
        Only(SmChainError.EncryptCertificateMissing, s_pki.Validate(s_pki.Sign));
        SmChainResult result = new SmChainValidator(s_pki.Trust).Validate(single, SmChainRequest.Client(SmChainForm.PairOrOne), TestPki.Now);
        Assert.True(result.IsValid, result.ToString());
        Assert.Null(result.EncryptCertificate);
        Assert.NotNull(new SmChainValidator(s_pki.Trust).Validate(s_pki.Pair, SmChainRequest.Client(SmChainForm.PairOrOne), TestPki.Now).EncryptCertificate);
    }

    [Fact]
    public void An_encryption_certificate_of_another_subject_is_refused()
    {
        SmCertificate other = s_pki.Ca.Issue(SmName.Create("other", "Example", country: "CN"), s_pki.EncryptKey, SmCertificateProfile.Encrypt(TestPki.Now.AddDays(-1), TestPki.Now.AddDays(1)));
        SmChainFailure failure = Only(SmChainError.SubjectMismatch, s_pki.Validate(s_pki.Sign, other, s_pki.Ca.Certificate));
        Assert.Equal(SmChainPosition.Encrypt, failure.Position);
    }

    [Fact]
    public void An_encryption_certificate_of_another_authority_is_refused_also_under_the_same_root_and_under_the_same_name()
    {
        using Sm2 otherKey = Sm2.Create();
        SmCertificateAuthority other = TestPki.Authority(s_pki.Root, "Other CA", otherKey, 0);
        SmCertificateProfile profile = SmCertificateProfile.Encrypt(TestPki.Now.AddDays(-1), TestPki.Now.AddDays(1)).For(TestPki.Host);
        Only(SmChainError.IssuerMismatch, s_pki.Validate(s_pki.Sign, other.Issue(s_pki.Subject, s_pki.EncryptKey, profile), s_pki.Ca.Certificate, other.Certificate));
        SmCertificateAuthority namesake = TestPki.Authority(s_pki.Root, "CA", otherKey, 0);
        SmChainFailure failure = Only(SmChainError.IssuerMismatch, s_pki.Validate(s_pki.Sign, namesake.Issue(s_pki.Subject, s_pki.EncryptKey, profile), s_pki.Ca.Certificate, namesake.Certificate));
        Assert.Contains("not signed by the key", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SmKeyUsage.KeyEncipherment)]
    [InlineData(SmKeyUsage.NonRepudiation)]
    [InlineData(null)]
    public void A_signing_certificate_that_may_not_sign_is_refused(SmKeyUsage? usage)
    {
        SmCertificate sign = (s_pki.ForgedSign with { KeyUsage = usage }).Sign(s_pki.CaKey);
        SmChainFailure failure = Only(SmChainError.SignKeyUsage, s_pki.Validate(sign, s_pki.Encrypt, s_pki.Ca.Certificate));
        Assert.Equal(sign, failure.Certificate);
    }

    [Theory]
    [InlineData(SmKeyUsage.NonRepudiation)]
    [InlineData(SmKeyUsage.DigitalSignature)]
    [InlineData(SmKeyUsage.KeyEncipherment | SmKeyUsage.DigitalSignature)]
    [InlineData(null)]
    public void An_encryption_certificate_that_may_not_encrypt_or_may_also_sign_is_refused(SmKeyUsage? usage) =>
        Only(SmChainError.EncryptKeyUsage, s_pki.Validate(s_pki.Sign, (s_pki.ForgedEncrypt with { KeyUsage = usage }).Sign(s_pki.CaKey), s_pki.Ca.Certificate));

    [Theory]
    [InlineData(SmKeyUsage.KeyEncipherment)]
    [InlineData(SmKeyUsage.DataEncipherment)]
    [InlineData(SmKeyUsage.KeyAgreement)]
    public void Any_one_usage_for_encryption_is_enough(SmKeyUsage usage)
    {
        SmChainResult result = s_pki.Validate(s_pki.Sign, (s_pki.ForgedEncrypt with { KeyUsage = usage }).Sign(s_pki.CaKey), s_pki.Ca.Certificate);
        Assert.True(result.IsValid, result.ToString());
    }

    [Fact]
    public void Extended_key_usage_of_the_other_role_is_refused_in_either_certificate_and_in_authorities()
    {
        SmCertificate sign = (s_pki.ForgedSign with { ExtendedKeyUsage = [SmCertificateProfile.ClientAuth] }).Sign(s_pki.CaKey);
        SmCertificate encrypt = (s_pki.ForgedEncrypt with { ExtendedKeyUsage = [SmCertificateProfile.ClientAuth] }).Sign(s_pki.CaKey);
        SmCertificate ca = (s_pki.ForgedCa with { ExtendedKeyUsage = [SmCertificateProfile.ClientAuth] }).Sign(s_pki.RootKey);
        Assert.Equal(SmChainPosition.Sign, Only(SmChainError.ExtendedKeyUsage, s_pki.Validate(sign, s_pki.Encrypt, s_pki.Ca.Certificate)).Position);
        Assert.Equal(SmChainPosition.Encrypt, Only(SmChainError.ExtendedKeyUsage, s_pki.Validate(s_pki.Sign, encrypt, s_pki.Ca.Certificate)).Position);
        Assert.Equal(SmChainPosition.Authority, Only(SmChainError.ExtendedKeyUsage, s_pki.Validate(s_pki.Sign, s_pki.Encrypt, ca)).Position);
        SmChainResult client = new SmChainValidator(s_pki.Trust).Validate([sign, encrypt, ca], SmChainRequest.Client(SmChainForm.Pair), TestPki.Now);
        Assert.True(client.IsValid, client.ToString());
        SmCertificate any = (s_pki.ForgedSign with { ExtendedKeyUsage = [SmCertificateProfile.AnyExtendedKeyUsage] }).Sign(s_pki.CaKey);
        Assert.True(s_pki.Validate(any, s_pki.Encrypt, s_pki.Ca.Certificate).IsValid);
    }

    [Fact]
    public void Times_of_both_end_certificates_and_of_authorities_are_checked()
    {
        SmCertificate expiredEncrypt = (s_pki.ForgedEncrypt with { NotAfter = TestPki.Now.AddSeconds(-1) }).Sign(s_pki.CaKey);
        SmChainFailure failure = Only(SmChainError.Expired, s_pki.Validate(s_pki.Sign, expiredEncrypt, s_pki.Ca.Certificate));
        Assert.Equal((SmChainPosition.Encrypt, expiredEncrypt), (failure.Position, failure.Certificate));
        SmCertificate earlySign = (s_pki.ForgedSign with { NotBefore = TestPki.Now.AddSeconds(1) }).Sign(s_pki.CaKey);
        Assert.Equal(SmChainPosition.Sign, Only(SmChainError.NotYetValid, s_pki.Validate(earlySign, s_pki.Encrypt, s_pki.Ca.Certificate)).Position);
        SmCertificate expiredCa = (s_pki.ForgedCa with { NotAfter = TestPki.Now.AddSeconds(-1) }).Sign(s_pki.RootKey);
        Assert.Equal(SmChainPosition.Authority, Only(SmChainError.Expired, s_pki.Validate(s_pki.Sign, s_pki.Encrypt, expiredCa)).Position);
        Assert.True(s_pki.Validate(new SmChainOptions { ClockSkew = TimeSpan.FromMinutes(1) }, earlySign, expiredEncrypt, expiredCa).IsValid);
    }

    [Fact]
    public void The_first_and_the_last_second_are_valid()
    {
        SmCertificate exact = (s_pki.ForgedSign with { NotBefore = TestPki.Now, NotAfter = TestPki.Now }).Sign(s_pki.CaKey);
        Assert.True(s_pki.Validate(exact, s_pki.Encrypt, s_pki.Ca.Certificate).IsValid);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(null)]
    public void An_issuer_without_the_ca_bit_is_refused(bool? isAuthority)
    {
        SmCertificate ca = (s_pki.ForgedCa with { IsAuthority = isAuthority }).Sign(s_pki.RootKey);
        Assert.Equal(ca, Only(SmChainError.NotAnAuthority, s_pki.Validate(s_pki.Sign, s_pki.Encrypt, ca)).Certificate);
    }

    [Fact]
    public void An_end_certificate_that_issues_certificates_is_refused()
    {
        // The classic attack: the owner of a good end certificate signs one for another name.
        using Sm2 victimKey = Sm2.Create();
        SmCertificate forged = (s_pki.ForgedSign with { Issuer = s_pki.Subject, Subject = SmName.Create("victim"), PublicKeyInfo = Sm2Keys.WriteSubjectPublicKeyInfo(victimKey) }).Sign(s_pki.SignKey);
        SmChainResult result = new SmChainValidator(s_pki.Trust).Validate([forged, s_pki.Sign, s_pki.Ca.Certificate], SmChainRequest.Server(TestPki.Host, SmChainForm.One), TestPki.Now);
        Assert.Equal([SmChainError.NotAnAuthority, SmChainError.IssuerKeyUsage], result.Failures.Select(f => f.Error).Take(2));
    }

    [Fact]
    public void An_issuer_that_may_not_sign_certificates_is_refused()
    {
        SmCertificate ca = (s_pki.ForgedCa with { KeyUsage = SmKeyUsage.CrlSign }).Sign(s_pki.RootKey);
        Only(SmChainError.IssuerKeyUsage, s_pki.Validate(s_pki.Sign, s_pki.Encrypt, ca));
    }

    [Fact]
    public void An_authority_as_end_certificate_is_refused()
    {
        SmCertificate sign = (s_pki.ForgedSign with { IsAuthority = true }).Sign(s_pki.CaKey);
        Only(SmChainError.EndCertificateIsAuthority, s_pki.Validate(sign, s_pki.Encrypt, s_pki.Ca.Certificate));
    }

    [Fact]
    public void Path_length_is_kept_at_every_level()
    {
        using Sm2 key = Sm2.Create();
        SmCertificate below = (s_pki.ForgedCa with { Subject = SmName.Create("Below"), Issuer = s_pki.Ca.Certificate.Subject, PublicKeyInfo = Sm2Keys.WriteSubjectPublicKeyInfo(key) }).Sign(s_pki.CaKey);
        SmCertificate sign = (s_pki.ForgedSign with { Issuer = below.Subject }).Sign(key);
        SmCertificate encrypt = (s_pki.ForgedEncrypt with { Issuer = below.Subject }).Sign(key);
        SmChainFailure failure = Only(SmChainError.PathLengthExceeded, s_pki.Validate(sign, encrypt, below, s_pki.Ca.Certificate));
        Assert.Equal(s_pki.Ca.Certificate, failure.Certificate);
        SmCertificate wide = (s_pki.ForgedCa with { PathLength = 1 }).Sign(s_pki.RootKey);
        Assert.True(s_pki.Validate(sign, encrypt, below, wide).IsValid);
    }

    [Fact]
    public void Unknown_critical_extensions_are_refused_and_others_are_not()
    {
        (string, bool, byte[]) critical = ("1.2.3.4", true, [5, 0]), harmless = ("1.2.3.4", false, [5, 0]);
        SmCertificate sign = (s_pki.ForgedSign with { Extra = [critical] }).Sign(s_pki.CaKey), encrypt = (s_pki.ForgedEncrypt with { Extra = [critical] }).Sign(s_pki.CaKey);
        SmCertificate ca = (s_pki.ForgedCa with { Extra = [critical] }).Sign(s_pki.RootKey);
        Assert.Contains("1.2.3.4", Only(SmChainError.UnknownCriticalExtension, s_pki.Validate(sign, s_pki.Encrypt, s_pki.Ca.Certificate)).Message, StringComparison.Ordinal);
        Assert.Equal(SmChainPosition.Encrypt, Only(SmChainError.UnknownCriticalExtension, s_pki.Validate(s_pki.Sign, encrypt, s_pki.Ca.Certificate)).Position);
        Assert.Equal(SmChainPosition.Authority, Only(SmChainError.UnknownCriticalExtension, s_pki.Validate(s_pki.Sign, s_pki.Encrypt, ca)).Position);
        Assert.True(s_pki.Validate((s_pki.ForgedSign with { Extra = [harmless] }).Sign(s_pki.CaKey), s_pki.Encrypt, s_pki.Ca.Certificate).IsValid);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Name_constraints_are_refused_since_they_are_not_evaluated(bool isCritical)
    {
        byte[] permitted = ForgedCertificate.Encoded(w =>
        {
            using (w.PushSequence())
            using (w.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
            using (w.PushSequence())
            {
                w.WriteCharacterString(UniversalTagNumber.IA5String, "example.cn", new Asn1Tag(TagClass.ContextSpecific, 2));
            }
        });
        SmCertificate ca = (s_pki.ForgedCa with { Extra = [("2.5.29.30", isCritical, permitted)] }).Sign(s_pki.RootKey);
        Only(SmChainError.NameConstraints, s_pki.Validate(s_pki.Sign, s_pki.Encrypt, ca));
    }

    [Fact]
    public void A_wrong_user_id_is_a_bad_signature_and_the_message_says_so()
    {
        SmCertificate sign = (s_pki.ForgedSign with { UserId = "another"u8.ToArray() }).Sign(s_pki.CaKey);
        Assert.Contains("user id", Only(SmChainError.BadSignature, s_pki.Validate(sign, s_pki.Encrypt, s_pki.Ca.Certificate)).Message, StringComparison.Ordinal);
        SmCertificate none = (s_pki.ForgedSign with { UserId = [] }).Sign(s_pki.CaKey);
        Only(SmChainError.BadSignature, s_pki.Validate(none, s_pki.Encrypt, s_pki.Ca.Certificate));
        SmCertificate encrypt = (s_pki.ForgedEncrypt with { UserId = "another"u8.ToArray() }).Sign(s_pki.CaKey);
        Only(SmChainError.IssuerMismatch, s_pki.Validate(s_pki.Sign, encrypt, s_pki.Ca.Certificate));
    }

    [Fact]
    public void Unknown_issuers_say_what_to_trust_or_send()
    {
        Assert.Contains("CN=CA", Only(SmChainError.UnknownIssuer, s_pki.Validate(s_pki.Sign, s_pki.Encrypt)).Message, StringComparison.Ordinal);
        TestPki other = new();
        SmChainValidator validator = new(other.Trust);
        SmChainResult wrongRoot = validator.Validate(s_pki.Pair, SmChainRequest.Server(TestPki.Host, SmChainForm.Pair), TestPki.Now);
        Only(SmChainError.BadSignature, wrongRoot); // a root of the same name and another key
        SmChainResult noRoot = new SmChainValidator(new SmTrustStore([])).Validate([.. s_pki.Pair, s_pki.Root.Certificate], SmChainRequest.Server(TestPki.Host, SmChainForm.Pair), TestPki.Now);
        Assert.Contains("self-signed and not trusted", Only(SmChainError.UnknownIssuer, noRoot).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Forgotten_intermediates_may_be_in_the_store_and_pinned_end_certificates_need_no_authority()
    {
        SmTrustStore withIntermediate = new([s_pki.Root.Certificate], [s_pki.Ca.Certificate]);
        Assert.True(new SmChainValidator(withIntermediate).Validate([s_pki.Sign, s_pki.Encrypt], SmChainRequest.Server(TestPki.Host, SmChainForm.Pair), TestPki.Now).IsValid);
        SmChainRequest request = SmChainRequest.Server(TestPki.Host, SmChainForm.Pair);
        Assert.True(new SmChainValidator(new SmTrustStore([s_pki.Sign, s_pki.Encrypt])).Validate([s_pki.Sign, s_pki.Encrypt], request, TestPki.Now).IsValid);
        Only(SmChainError.UnknownIssuer, new SmChainValidator(new SmTrustStore([s_pki.Sign])).Validate([s_pki.Sign, s_pki.Encrypt], request, TestPki.Now));
        Only(SmChainError.Expired, SmChainError.Expired, new SmChainValidator(new SmTrustStore([s_pki.Sign, s_pki.Encrypt])).Validate([s_pki.Sign, s_pki.Encrypt], request, TestPki.Now.AddYears(1)));
    }

    [Fact]
    public void A_second_path_is_taken_when_the_first_is_bad()
    {
        SmCertificate expired = (s_pki.ForgedCa with { NotAfter = TestPki.Now.AddDays(-1) }).Sign(s_pki.RootKey);
        SmChainResult result = s_pki.Validate(s_pki.Sign, s_pki.Encrypt, expired, s_pki.Ca.Certificate);
        Assert.True(result.IsValid, result.ToString());
        Assert.Equal(s_pki.Ca.Certificate, result.Path[1]);
    }

    [Fact]
    public void Many_authorities_of_one_name_cost_a_bounded_number_of_signatures()
    {
        SmCertificate[] namesakes = [.. Enumerable.Range(0, 7).Select(_ =>
        {
            using Sm2 key = Sm2.Create();
            return (s_pki.ForgedCa with { Issuer = s_pki.Ca.Certificate.Subject, PublicKeyInfo = Sm2Keys.WriteSubjectPublicKeyInfo(key) }).Sign(key);
        })];
        SmChainResult result = s_pki.Validate(new SmChainOptions { MaxSignatures = 4 }, [s_pki.Sign, s_pki.Encrypt, .. namesakes]);
        Only(SmChainError.TooManyPaths, result);
    }

    [Fact]
    public void Authorities_that_certify_each_other_end_the_search()
    {
        using Sm2 keyA = Sm2.Create(), keyB = Sm2.Create();
        SmName a = SmName.Create("A"), b = SmName.Create("B");
        SmCertificate aByB = (s_pki.ForgedCa with { Subject = a, Issuer = b, PublicKeyInfo = Sm2Keys.WriteSubjectPublicKeyInfo(keyA) }).Sign(keyB);
        SmCertificate bByA = (s_pki.ForgedCa with { Subject = b, Issuer = a, PublicKeyInfo = Sm2Keys.WriteSubjectPublicKeyInfo(keyB) }).Sign(keyA);
        SmCertificate sign = (s_pki.ForgedSign with { Issuer = a }).Sign(keyA), encrypt = (s_pki.ForgedEncrypt with { Issuer = a }).Sign(keyA);
        Only(SmChainError.UnknownIssuer, s_pki.Validate(sign, encrypt, aByB, bByA));
    }

    [Fact]
    public void A_megabyte_of_certificates_is_refused_before_it_is_read()
    {
        ReadOnlyMemory<byte> large = new byte[64 * 1024];
        SmChainResult result = new SmChainValidator(s_pki.Trust).Validate([.. Enumerable.Repeat(large, 10), new byte[400_000]], SmChainRequest.Client(SmChainForm.Pair), TestPki.Now);
        Assert.Contains("bytes", Only(SmChainError.ChainTooLarge, result).Message, StringComparison.Ordinal);
        SmChainResult many = new SmChainValidator(s_pki.Trust).Validate([.. Enumerable.Repeat(s_pki.Sign.RawData, 11)], SmChainRequest.Client(SmChainForm.Pair), TestPki.Now);
        Only(SmChainError.ChainTooLarge, many);
    }

    [Fact]
    public void An_unreadable_certificate_is_named_by_its_place()
    {
        byte[] broken = s_pki.Encrypt.RawData.ToArray();
        broken[1] ^= 1;
        SmChainResult result = new SmChainValidator(s_pki.Trust).Validate([s_pki.Sign.RawData, broken], SmChainRequest.Client(SmChainForm.Pair), TestPki.Now);
        Assert.StartsWith("certificate 2 of the chain", Only(SmChainError.MalformedCertificate, result).Message, StringComparison.Ordinal);
        Only(SmChainError.NoCertificate, new SmChainValidator(s_pki.Trust).Validate(Array.Empty<ReadOnlyMemory<byte>>(), SmChainRequest.Client(SmChainForm.Pair), TestPki.Now));
    }

    [Fact]
    public void The_host_must_be_in_the_signing_certificate_and_in_an_encryption_certificate_that_names_any()
    {
        SmCertificate otherHost = (s_pki.ForgedEncrypt with { DnsNames = ["other.example.cn"] }).Sign(s_pki.CaKey), noHost = (s_pki.ForgedEncrypt with { DnsNames = [] }).Sign(s_pki.CaKey);
        Assert.Equal(SmChainPosition.Encrypt, Only(SmChainError.HostName, s_pki.Validate(s_pki.Sign, otherHost, s_pki.Ca.Certificate)).Position);
        Assert.True(s_pki.Validate(s_pki.Sign, noHost, s_pki.Ca.Certificate).IsValid);
        SmCertificate sign = (s_pki.ForgedSign with { DnsNames = [] }).Sign(s_pki.CaKey);
        Assert.Contains("no host at all", Only(SmChainError.HostName, s_pki.Validate(sign, s_pki.Encrypt, s_pki.Ca.Certificate)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_failures_are_told_at_once()
    {
        SmCertificate sign = (s_pki.ForgedSign with { NotAfter = TestPki.Now.AddDays(-1), KeyUsage = SmKeyUsage.NonRepudiation, DnsNames = ["x.cn"] }).Sign(s_pki.CaKey);
        SmChainResult result = s_pki.Validate(sign, (s_pki.ForgedEncrypt with { KeyUsage = null }).Sign(s_pki.CaKey), s_pki.Ca.Certificate);
        Assert.Equal([SmChainError.Expired, SmChainError.SignKeyUsage, SmChainError.EncryptKeyUsage, SmChainError.HostName], result.Failures.Select(f => f.Error));
    }

    private static SmChainFailure Only(SmChainError error, SmChainResult result) => Only([error], result);

    private static void Only(SmChainError first, SmChainError second, SmChainResult result) => Only([first, second], result);

    private static SmChainFailure Only(SmChainError[] errors, SmChainResult result)
    {
        Assert.Equal(errors, result.Failures.Select(f => f.Error));
        Assert.False(result.IsValid);
        return result.Failures[0];
    }
}
