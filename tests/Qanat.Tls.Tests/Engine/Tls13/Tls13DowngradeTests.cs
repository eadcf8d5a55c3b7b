namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>Somebody on the way cuts connections, so that a client which learns its server's dialect speaks another form: that must not make it weaker.</summary>
public sealed class Tls13DowngradeTests
{
    [Fact]
    [Trait("Kind", "Unit")]
    public void A_cut_connection_does_not_take_the_hybrid_group_from_a_client_that_lists_it()
    {
        Tls13Setup setup = new();
        setup.ClientOptions.PeerDialects = new SmPeerDialects();
        setup.ClientOptions.Groups = [NamedGroup.CurveSm2, NamedGroup.CurveSm2MlKem768];
        setup.ServerOptions.Groups = [NamedGroup.CurveSm2MlKem768];
        using (EnginePair cut = setup.NewPair((_, _) => []).Handshake())
        {
            cut.Client.Engine.Fail(SmTlsError.Truncated, "somebody sent a reset");
        }
        Assert.Equal(1, setup.ClientOptions.PeerDialects.Count);
        using EnginePair next = setup.Connect();
        Assert.Equal(NamedGroup.CurveSm2MlKem768, next.Client.Engine.Group);
    }
}
