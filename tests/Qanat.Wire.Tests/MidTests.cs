using CsCheck;

namespace Qanat.Wire.Tests;

public sealed class MidTests
{
    [Fact]
    public void Text_round_trips() =>
        Gen.Byte.Array[Mid.Length].Sample(bytes =>
        {
            Mid mid = Mid.Read(bytes);
            Assert.Equal(mid, Mid.Parse(mid.ToString()));
            Assert.Equal(mid, Mid.Parse(mid.ToString().Replace("-", "", StringComparison.Ordinal).ToUpperInvariant()));
            Assert.Equal(bytes, mid.ToArray());
        });

    [Theory]
    [InlineData("")]
    [InlineData("aaaaa-aaaaa-aaaaa-aaaaa-aaaaa")]
    [InlineData("aaaaa-aaaaa-aaaaa-aaaaa-aaaaaaa")]
    [InlineData("aaaaa-aaaaa-aaaaa-aaaaa-aaaaab")]
    [InlineData("aaaaa-aaaaa-aaaaa-aaaaa-aaaa1a")]
    public void Malformed_text_is_refused(string text) => Assert.False(Mid.TryParse(text, out _));

    [Fact]
    public void Text_has_a_known_form()
    {
        byte[] bytes = Convert.FromHexString("00112233445566778899aabbccddeeff");
        Assert.Equal("aaise-m2ekv-thpce-zvk54-zxpo74", Mid.Read(bytes).ToString());
    }
}
