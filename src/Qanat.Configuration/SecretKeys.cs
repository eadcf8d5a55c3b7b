namespace Qanat.Configuration;

/// <summary>Which settings are secrets, by the last word of their key: they may be read from a file and are never shown.</summary>
public static class SecretKeys
{
    private static readonly string[] s_words = ["token", "secret", "password", "passphrase", "http-proxy"];

    /// <summary>True for keys such as <c>token</c>, <c>enrolment-token</c> or <c>proxy.password</c>, and <c>http-proxy</c>: the address may hold a password.</summary>
    public static bool IsSecret(string key)
    {
        string last = key[(key.LastIndexOf('.') + 1)..];
        return s_words.Any(word => last == word || last.EndsWith("-" + word, StringComparison.Ordinal));
    }
}
