using Qanat.Tls.Certificates;

namespace Qanat.Tls.Tests.Certificates;

public sealed class SmVerifiedChainCacheTests
{
    private static readonly TestPki s_pki = new();
    private static readonly SmChainRequest s_request = SmChainRequest.Server(TestPki.Host, SmChainForm.Pair);
    private static readonly ReadOnlyMemory<byte>[] s_chain = [.. s_pki.Pair.Select(c => c.RawData)];

    [Fact]
    public void A_good_chain_is_verified_once()
    {
        SmChainValidator validator = new(s_pki.Trust, cache: new SmVerifiedChainCache());
        SmChainResult first = validator.Validate(s_chain, s_request, TestPki.Now), second = validator.Validate(s_chain, s_request, TestPki.Now);
        Assert.True(first.IsValid && !first.IsFromCache);
        Assert.True(second.IsValid && second.IsFromCache);
        Assert.Same(first.SignCertificate, second.SignCertificate);
    }

    [Fact]
    public void The_host_name_is_checked_every_time()
    {
        SmChainValidator validator = new(s_pki.Trust, cache: new SmVerifiedChainCache());
        Assert.True(validator.Validate(s_chain, s_request, TestPki.Now).IsValid);
        SmChainResult other = validator.Validate(s_chain, SmChainRequest.Server("other.cn", SmChainForm.Pair), TestPki.Now);
        Assert.True(other.IsFromCache);
        Assert.Equal([SmChainError.HostName, SmChainError.HostName], other.Failures.Select(f => f.Error));
        Assert.True(validator.Validate(s_chain, s_request, TestPki.Now).IsValid);
    }

    [Fact]
    public void Time_outside_the_window_is_verified_anew()
    {
        SmVerifiedChainCache cache = new();
        SmChainValidator validator = new(s_pki.Trust, cache: cache);
        Assert.True(validator.Validate(s_chain, s_request, TestPki.Now).IsValid);
        SmChainResult late = validator.Validate(s_chain, s_request, TestPki.Now.AddDays(91));
        Assert.False(late.IsFromCache);
        Assert.Equal([SmChainError.Expired, SmChainError.Expired], late.Failures.Select(f => f.Error));
        Assert.Equal(0, cache.Count);
    }

    [Fact]
    public void Another_store_role_form_or_policy_finds_nothing()
    {
        SmVerifiedChainCache cache = new();
        Assert.True(new SmChainValidator(s_pki.Trust, cache: cache).Validate(s_chain, s_request, TestPki.Now).IsValid);
        SmCertificateRevocationList list = s_pki.Ca.IssueRevocationList([KeyValuePair.Create(s_pki.Sign.SerialNumber, TestPki.Now)], 1, TestPki.Now, TestPki.Now.AddDays(1));
        SmTrustStore withList = new([s_pki.Root.Certificate], revocationLists: [list]);
        Assert.False(new SmChainValidator(withList, cache: cache).Validate(s_chain, s_request, TestPki.Now).IsValid);
        Assert.False(new SmChainValidator(new TestPki().Trust, cache: cache).Validate(s_chain, s_request, TestPki.Now).IsValid);
        Assert.False(new SmChainValidator(s_pki.Trust, new SmChainOptions { Revocation = SmRevocationMode.Required }, cache).Validate(s_chain, s_request, TestPki.Now).IsValid);
        SmChainValidator same = new(s_pki.Trust, cache: cache);
        Assert.False(same.Validate(s_chain, SmChainRequest.Client(SmChainForm.Pair), TestPki.Now).IsFromCache);
        Assert.False(same.Validate(s_chain, SmChainRequest.ServerOfAnyName(SmChainForm.PairOrOne), TestPki.Now).IsFromCache);
        Assert.True(same.Validate(s_chain, SmChainRequest.ServerOfAnyName(SmChainForm.Pair), TestPki.Now).IsFromCache);
    }

    [Fact]
    public void Bad_chains_are_not_kept()
    {
        SmVerifiedChainCache cache = new();
        SmChainValidator validator = new(s_pki.Trust, cache: cache);
        Assert.False(validator.Validate([s_chain[1], s_chain[0], s_chain[2]], s_request, TestPki.Now).IsValid);
        Assert.Equal(0, cache.Count);
    }

    [Fact]
    public void The_least_recently_used_chain_goes()
    {
        SmVerifiedChainCache cache = new(capacity: 2);
        SmChainValidator validator = new(s_pki.Trust, cache: cache);
        ReadOnlyMemory<byte>[] a = s_chain, b = [.. s_chain, s_pki.Root.Certificate.RawData], c = [s_chain[0], s_chain[1], s_pki.Root.Certificate.RawData, s_chain[2]];
        bool FromCache(ReadOnlyMemory<byte>[] chain) => validator.Validate(chain, s_request, TestPki.Now).IsFromCache;
        Assert.Equal([false, false, true, false], new[] { FromCache(a), FromCache(b), FromCache(a), FromCache(c) });
        Assert.Equal(2, cache.Count);
        Assert.True(FromCache(a));
        Assert.False(FromCache(b));
        cache.Clear();
        Assert.False(FromCache(a));
    }

    [Fact]
    public async Task Many_threads_may_use_it_at_once()
    {
        SmVerifiedChainCache cache = new(capacity: 1);
        SmChainValidator validator = new(s_pki.Trust, cache: cache);
        ReadOnlyMemory<byte>[] other = [.. s_chain, s_pki.Root.Certificate.RawData];
        await Parallel.ForAsync(0, 200, TestContext.Current.CancellationToken, (i, _) =>
        {
            Assert.True(validator.Validate(i % 2 == 0 ? s_chain : other, s_request, TestPki.Now).IsValid);
            return ValueTask.CompletedTask;
        });
        Assert.Equal(1, cache.Count);
    }
}
