using Qanat.Tunnel.Identity;

namespace Qanat.Tunnel.Tests.Identity;

public sealed class EnrolmentTokenTests
{
    [Fact]
    public void Token_round_trips_and_shows_only_its_id()
    {
        using EnrolmentToken made = EnrolmentToken.Create();
        using EnrolmentToken read = EnrolmentToken.Parse(made.DangerousExport());
        Assert.Equal(made.Id, read.Id);
        Assert.Equal(made.Secret, read.Secret);
        Assert.Equal(made.Id, made.ToString());
    }

    [Fact]
    public void Disposed_token_holds_no_secret()
    {
        EnrolmentToken token = EnrolmentToken.Create();
        token.Dispose();
        Assert.Equal(new byte[EnrolmentToken.SecretLength], token.Secret);
    }

    [Theory]
    [InlineData("")]
    [InlineData("id")]
    [InlineData("id.")]
    [InlineData(".AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("i d.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("id.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("id.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("id.!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public void Malformed_token_is_refused_without_repeating_it(string text)
    {
        TunnelException e = Assert.Throws<TunnelException>(() => EnrolmentToken.Parse(text));
        Assert.Equal(TunnelError.InvalidToken, e.Error);
        Assert.DoesNotContain("AAAA", e.Message, StringComparison.Ordinal);
    }
}
