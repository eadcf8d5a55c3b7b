using System.Runtime.CompilerServices;

namespace Qanat.Gm;

/// <summary>Deals jobs out to lanes and runs the kernel until all are done. When a single one is left it is finished alone, which is faster than a kernel with idle lanes.</summary>
internal static unsafe class Sm3LaneRun<TVector, T>
    where TVector : ISm3LaneVector<T>
    where T : unmanaged
{
    private const int Words = Sm3Chaining.Words;
    private const int ExpandedWords = 68;

    /// <summary>Widest vector in bytes; the working memory is aligned to it.</summary>
    private const int Alignment = 64;

    [SkipLocalsInit]
    public static void Run(Sm3LaneJob* jobs, int count)
    {
        byte* memory = stackalloc byte[((Words + ExpandedWords) * sizeof(T)) + Alignment];
        T* v = (T*)(((nuint)memory + Alignment - 1) & ~(nuint)(Alignment - 1));
        T* expansion = v + Words;
        byte** at = stackalloc byte*[TVector.Lanes];
        Lane* lanes = stackalloc Lane[TVector.Lanes];
        Sm3LaneJob* next = jobs, end = jobs + count;
        int busy = 0;
        for (int i = 0; i < TVector.Lanes; i++)
        {
            lanes[i].Job = null;
            if (next < end)
            {
                Start(v, i, lanes + i, at + i, next++);
                busy++;
            }
        }

        while (busy > 1)
        {
            int blocks = int.MaxValue;
            byte* spare = null;
            for (int i = 0; i < TVector.Lanes; i++)
            {
                if (lanes[i].Job is not null && lanes[i].Left < blocks)
                {
                    blocks = lanes[i].Left;
                    spare = at[i];
                }
            }
            for (int i = 0; i < TVector.Lanes; i++)
            {
                // An idle lane computes along on another's message, for nothing.
                at[i] = lanes[i].Job is null ? spare : at[i];
            }

            Sm3LaneKernel<TVector, T>.Compress(v, at, blocks, expansion);

            for (int i = 0; i < TVector.Lanes; i++)
            {
                Lane* lane = lanes + i;
                if (lane->Job is null)
                {
                    continue;
                }
                at[i] += (nint)blocks * Sm3.BlockSizeInBytes;
                lane->Left -= blocks;
                if (lane->Left > 0 || NextPart(lane, at + i))
                {
                    continue;
                }
                Store(v, i, lane->Job);
                if (next < end)
                {
                    Start(v, i, lane, at + i, next++);
                }
                else
                {
                    lane->Job = null;
                    busy--;
                }
            }
        }

        for (int i = 0; i < TVector.Lanes; i++)
        {
            if (lanes[i].Job is not null)
            {
                Store(v, i, lanes[i].Job);
                int done = Sm3LaneJob.GetPart(lanes[i].Job, lanes[i].Part, out _) - lanes[i].Left;
                Sm3Lanes.RunAlone(lanes[i].Job, lanes[i].Part, done);
            }
        }
    }

    private static void Start(T* v, int index, Lane* lane, byte** at, Sm3LaneJob* job)
    {
        for (int word = 0; word < Words; word++)
        {
            ((uint*)(v + word))[index] = job->Chaining[word];
        }
        lane->Job = job;
        lane->Part = -1;
        NextPart(lane, at);
    }

    private static void Store(T* v, int index, Sm3LaneJob* job)
    {
        for (int word = 0; word < Words; word++)
        {
            job->Chaining[word] = ((uint*)(v + word))[index];
        }
    }

    /// <summary>Goes on to the job's next part that has blocks; false at its end.</summary>
    private static bool NextPart(Lane* lane, byte** at)
    {
        while (++lane->Part < Sm3LaneJob.Parts)
        {
            lane->Left = Sm3LaneJob.GetPart(lane->Job, lane->Part, out *at);
            if (lane->Left > 0)
            {
                return true;
            }
        }
        return false;
    }

    private struct Lane
    {
        /// <summary>Null when idle.</summary>
        public Sm3LaneJob* Job;

        /// <summary>The part of the job under way, and its blocks that are left.</summary>
        public int Part;
        public int Left;
    }
}
