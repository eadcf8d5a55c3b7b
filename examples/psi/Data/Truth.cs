namespace Psi.Data;

/// <summary>The answer computed in the clear, for checking; it needs both tables, which no party of the protocol has.</summary>
/// <param name="IdsA">Ids of A.</param>
/// <param name="IdsB">Ids of B.</param>
/// <param name="Size">Ids in both.</param>
/// <param name="SumA">Sum of A's numbers over the ids in both: what B learns when A serves.</param>
/// <param name="SumB">Sum of B's numbers over the ids in both: what A learns when B serves.</param>
internal sealed record Truth(int IdsA, int IdsB, int Size, long SumA, long SumB)
{
    internal static Truth Of(Records a, Records b)
    {
        Dictionary<string, long> valuesOfA = new(a.Count, StringComparer.Ordinal);
        for (int i = 0; i < a.Count; i++)
        {
            valuesOfA.Add(a.Ids[i], a.Values[i]);
        }
        int size = 0;
        long sumA = 0;
        long sumB = 0;
        for (int i = 0; i < b.Count; i++)
        {
            if (valuesOfA.TryGetValue(b.Ids[i], out long value))
            {
                size++;
                sumA += value;
                sumB += b.Values[i];
            }
        }
        return new Truth(a.Count, b.Count, size, sumA, sumB);
    }
}
