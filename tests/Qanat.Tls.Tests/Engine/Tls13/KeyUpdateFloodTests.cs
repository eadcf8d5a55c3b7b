namespace Qanat.Tls.Tests.Engine.Tls13;

/// <summary>A peer that asks for key updates and never reads: what waits for it stays small.</summary>
public sealed class KeyUpdateFloodTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Kind", "Unit")]
    public void Requests_that_come_before_the_answer_is_sent_get_one_answer(bool fromClient)
    {
        using EnginePair pair = new Tls13Setup().Connect();
        (EngineEnd flooder, EngineEnd victim) = fromClient ? (pair.Client, pair.Server) : (pair.Server, pair.Client);
        for (int i = 0; i < 1000; i++)
        {
            // One byte of data between the requests, or they would be counted as records without effect.
            ((Tls.Engine.Tls13.Tls13Engine)flooder.Engine).UpdateKeys(requestPeer: true);
            victim.Feed(flooder.Seal([1]));
        }
        Assert.Null(victim.Engine.Failure);
        Assert.Equal(1000, victim.ApplicationData.Count);
        byte[] waiting = victim.Drain();
        Assert.Equal(5 + 5 + 1 + 16, waiting.Length);
        flooder.Feed(waiting);
        Assert.Equal([7], pair.Send(!fromClient, [7]));
        Assert.Equal([8], pair.Send(fromClient, [8]));
    }
}
