using System.Security.Cryptography;
using Qanat.Tls.Engine.Tls13;

namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>ML-KEM-768 of the platform and of BouncyCastle agree with each other, where the platform has one.</summary>
public sealed class MlKem768Tests
{
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Both_ends_have_the_secret(bool isKeyNative, bool isPeerNative)
    {
        Assert.SkipUnless(MLKem.IsSupported || !(isKeyNative || isPeerNative), "The platform has no ML-KEM; OpenSSL 3.5 has.");
        using MlKem768 key = MlKem768.Create(isKeyNative);
        byte[] ciphertext = new byte[MlKem768.CiphertextLength], theirs = new byte[32], ours = new byte[32];
        Assert.Equal(MlKem768.EncapsulationKeyLength, key.EncapsulationKey.Length);
        Assert.True(MlKem768.TryEncapsulate(key.EncapsulationKey, ciphertext, theirs, isPeerNative));
        Assert.True(key.TryDecapsulate(ciphertext, ours));
        Assert.Equal(theirs, ours);
        // Implicit rejection: another secret, the same one each time, and no error.
        ciphertext[7] ^= 1;
        byte[] again = new byte[32];
        Assert.True(key.TryDecapsulate(ciphertext, ours) && key.TryDecapsulate(ciphertext, again));
        Assert.NotEqual(theirs, ours);
        Assert.Equal(again, ours);
        Assert.False(key.TryDecapsulate(ciphertext.AsSpan(1), ours));
        Assert.False(MlKem768.TryEncapsulate(key.EncapsulationKey.AsSpan(1), ciphertext, theirs, isPeerNative));
        byte[] outOfRange = [0xFF, 0xFF, .. key.EncapsulationKey[2..]];
        Assert.False(MlKem768.TryEncapsulate(outOfRange, ciphertext, theirs, isPeerNative));
    }
}
